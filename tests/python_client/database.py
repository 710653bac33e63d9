"""Django over a file, with an app of two models. Import it before anything of that app."""

import tempfile
from pathlib import Path
from typing import Any

import django
from django.conf import settings

__all__ = ["Car", "Driver", "fixture", "tables"]

FOLDER = Path(tempfile.mkdtemp(prefix="garage-"))

if not settings.configured:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"}},
        INSTALLED_APPS=["tests.python_client.garage"],
        USE_TZ=True,
        MEDIA_ROOT=FOLDER,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()

from django.db import connection  # noqa: E402

from tests.python_client.garage.models import Car, Driver  # noqa: E402


def tables() -> None:
    """Creates the tables anew, empty."""
    with connection.schema_editor() as editor:
        for model in (Car, Driver):
            if model._meta.db_table in connection.introspection.table_names():
                editor.delete_model(model)
        for model in (Driver, Car):
            editor.create_model(model)


def fixture(count: int) -> list[dict[str, Any]]:
    return [{"model": "garage.driver", "pk": n, "fields": {"name": f"Driver {n}"}} for n in range(1, count + 1)]
