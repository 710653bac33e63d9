"""The Python client beside what people do instead: `python -m benchmarks.python_client`."""
