"""Where reports stand. Imports nothing heavy: the API asks it."""

from datetime import date
from pathlib import Path

from americano_assets.resources.parquet_store.atomic_files import write_bytes
from americano_assets.settings import Settings

FOLDER = "reports"
LATEST = "latest.html"


def report_path(settings: Settings, day: date | None = None) -> Path:
    """The report of a study day, or of the newest one."""
    return settings.americano_home / FOLDER / (f"{day}.html" if day else LATEST)


def write_report(settings: Settings, day: date, page: str) -> Path:
    """Keep a day's report; the newest day's is also the latest, whatever older day is computed again."""
    path = report_path(settings, day)
    write_bytes(path, page.encode())
    newest = max(one.stem for one in path.parent.glob("????-??-??.html"))
    if newest == day.isoformat():
        write_bytes(report_path(settings), page.encode())
    return path
