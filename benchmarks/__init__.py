"""Measures the overhead of Savepoint over its own engine, side by side: `python -m benchmarks`."""
