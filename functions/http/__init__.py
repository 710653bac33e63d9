"""What all endpoints share. Knows no resource."""
