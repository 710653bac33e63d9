"""The caller's own data over HTTP."""
