"""The composition root: settings, then stores, then the app over them. Nothing else."""

import os

from functions.app import build_app
from persistence import open_stores
from persistence.settings import Settings

settings = Settings.from_environ(os.environ)
stores = open_stores(settings)
app = build_app(stores, settings)
close = stores.close
