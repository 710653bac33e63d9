"""Snapshots and their access log over HTTP."""
