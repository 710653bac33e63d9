"""The migration of stored items to the present format."""
