"""The embedded engine, over one SQLite file."""
