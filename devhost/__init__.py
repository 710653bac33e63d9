"""Runs the Functions app of the current directory in this process, without Core Tools: `python -m devhost`.

Devhost refuses what the Azure Functions host and its Python worker refuse, so an app that runs here runs on
Azure. Function keys are never checked, whatever the auth level. Core Tools does not check them locally either.

Devhost is no server for the internet: it has no TLS, no access log, no limit per client, and no process that
starts it again. It bounds heads, bodies and their times, so that one faulty client does not take it down.
"""


class StartError(Exception):
    """The app cannot be served. The message is one line for the person who started devhost."""
