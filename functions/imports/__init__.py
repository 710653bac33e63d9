"""The import of an export over HTTP."""
