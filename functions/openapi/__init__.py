"""The API description (OpenAPI), and the page made from it."""
