"""HTTP endpoints and timers: between the Functions host and the stores."""

VERSION = "0.1.0"
"""The version in the API description, the same as in pyproject.toml."""
