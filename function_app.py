"""The composition root: settings, then stores, then the app over them."""

import gc
import os

# For the cold start: the objects of the app stay for good, so no garbage collection should look through them.
# Pydantic would search every installed package for plugins; there are none.
gc.disable()
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from functions.app import build_app
from functions.logs import add_traces, set_levels
from persistence import open_stores
from persistence.errors import StoreUnavailable
from settings import InvalidSettings, Settings

set_levels()
add_traces()
settings = Settings.from_environ(os.environ)
try:
    stores = open_stores(settings.place(), settings.store_rules())
except StoreUnavailable as exc:
    raise InvalidSettings([f"DATA_DIR: the file there cannot be opened: {exc.__cause__}"]) from exc
app = build_app(stores, settings.app_rules())
close = stores.close

gc.freeze()
gc.enable()
