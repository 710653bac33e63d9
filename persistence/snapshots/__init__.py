"""Snapshots: frozen copies shared by link, and the log of who opened them."""
