"""Notes: a kind of thing that the product does not have. A package as CONTRIBUTING describes one."""
