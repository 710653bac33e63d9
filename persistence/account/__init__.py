"""Everything that one person keeps: usage, export and erasure."""
