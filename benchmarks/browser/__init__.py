"""The browser module beside other ways to keep a text in a browser."""
