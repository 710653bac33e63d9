"""Storage: the engine protocol, its two engines, and what the stores need on top of them."""
