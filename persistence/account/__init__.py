"""Export and erasure of everything that one person stores."""
