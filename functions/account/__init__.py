"""The data of the caller over HTTP."""
