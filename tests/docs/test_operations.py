"""What docs/operations.md and docs/my-data.md say of files, days and settings is what the code does."""

import re
from pathlib import Path

import pytest

from persistence.storage.sqlite.connection import FILE_NAME
from persistence.storage.sqlite.engine import SCRUB_SECONDS, SqliteEngine
from persistence.storage.sqlite.migration import BACKUP_NAME, BACKUP_SECONDS
from persistence.storage.sqlite.operations import back_up, restore
from persistence.storage.sqlite.reserve import RESERVE_NAME
from settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS, MY_DATA = ((ROOT / "docs" / name).read_text() for name in ("operations.md", "my-data.md"))
DEPLOYMENT = (ROOT / "docs" / "deploy.md").read_text()
OF_OTHERS = {"DATA_DIR", "TO", "FROM", "PORT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED"}
"""Of make, and of OpenTelemetry."""


async def test_the_files_that_are_named_are_those_that_are_written(tmp_path: Path) -> None:
    folder, backup = tmp_path / "data", tmp_path / "today.db"
    engine = SqliteEngine(folder)
    open_files = {path.name for path in folder.iterdir()}
    back_up(folder, backup)
    await engine.close()
    kept = restore(folder, backup)
    assert open_files == {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", RESERVE_NAME}
    assert all(f"`{name}`" in OPERATIONS for name in open_files) and f"`{FILE_NAME}-wal`" in MY_DATA
    assert kept is not None and re.fullmatch(r"savepoint\.before-restore-\d{8}T\d{6}Z\.db", kept.name)
    assert "`savepoint.before-restore-<time>.db`" in OPERATIONS
    assert f"`{BACKUP_NAME}`" in MY_DATA


def test_the_days_and_seconds_are_those_of_the_code() -> None:
    assert f"{BACKUP_SECONDS // 86_400} days" in MY_DATA
    assert f"for {SCRUB_SECONDS:.0f} seconds" in MY_DATA
    assert Settings.model_fields["cleanup_schedule"].default == "0 */15 * * * *"
    assert "`CLEANUP_SCHEDULE` (15 minutes)" in MY_DATA
    [tier] = re.findall(
        r"param backupTier string = '(\w+)'", (ROOT / "infra" / "bicep" / "main.bicep").read_text()
    )
    days = re.findall(r"\d+", tier)[0]
    assert f"for {days} days (`backupTier`)" in OPERATIONS
    assert f"For {days} days" in MY_DATA and f"{days} days of continuous backup" in DEPLOYMENT


@pytest.mark.parametrize("page", [OPERATIONS, MY_DATA])
def test_every_setting_that_is_named_exists(page: str) -> None:
    named = set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", page)) - OF_OTHERS
    # Variables of azd are in deploy.md.
    of_azd = set(re.findall(r"\bAZURE_[A-Z_]+\b", DEPLOYMENT))
    assert named and named - of_azd <= {name.upper() for name in Settings.model_fields}
