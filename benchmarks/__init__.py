"""What Savepoint costs over its own engine, measured side by side: `python -m benchmarks`."""
