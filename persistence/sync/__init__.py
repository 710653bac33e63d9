"""Changes of several sessions in one call."""
