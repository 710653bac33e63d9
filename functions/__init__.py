"""HTTP and timer triggers: what stands between the host and the stores."""

VERSION = "0.1.0"
"""Of the API as it describes itself; the same as in pyproject.toml."""
