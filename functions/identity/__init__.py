"""Who the caller is. Knows headers, and nothing else of HTTP."""
