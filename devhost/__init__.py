"""Runs the Functions app of the current directory in this process, without Core Tools: `python -m devhost`.

It serves what the Azure Functions host would serve and refuses what that host and its Python worker
refuse, so that what runs here runs there. Keys are not asked for, whatever a function's auth level says:
Core Tools does not ask for them on one's own machine either.
"""


class StartError(Exception):
    """A reason why the app cannot be served, in one line for the person who started it."""
