"""Snapshots over HTTP."""
