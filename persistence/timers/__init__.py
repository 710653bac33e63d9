"""Timers: how background work finds what is due."""
