"""The composition root: settings, then stores, then the app over them. Nothing else."""

import logging
import os

from functions.app import build_app
from persistence import open_stores
from persistence.settings import Settings

# The database's SDK writes two lines of headers for each call, which would outgrow everything else in the log.
logging.getLogger("azure").setLevel(logging.WARNING)

settings = Settings.from_environ(os.environ)
stores = open_stores(settings)
app = build_app(stores, settings)
close = stores.close
