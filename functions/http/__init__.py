"""What every endpoint shares. Knows no resource."""
