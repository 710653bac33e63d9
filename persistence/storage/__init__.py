"""Storage: the engine protocol, its two engines, and what every store needs of them."""
