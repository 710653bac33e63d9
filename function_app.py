"""The composition root: settings, then stores, then the app over them. Nothing else."""

import gc
import logging
import os

# For a cold start: what an app is made of stays, so that looking through it for garbage, now and at every
# collection to come, finds nothing; and of plugins, for which Pydantic asks every installed package, it has none.
gc.disable()
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from functions.app import build_app
from persistence import open_stores
from persistence.errors import InvalidSettings, StoreUnavailable
from settings import Settings

# The database's SDK writes two lines of headers for each call, which would outgrow everything else in the log.
logging.getLogger("azure").setLevel(logging.WARNING)

settings = Settings.from_environ(os.environ)
try:
    stores = open_stores(settings.place(), settings.store_rules())
except StoreUnavailable as exc:
    raise InvalidSettings([f"DATA_DIR: the file there cannot be opened: {exc.__cause__}"]) from exc
app = build_app(stores, settings)
close = stores.close

gc.freeze()
gc.enable()
