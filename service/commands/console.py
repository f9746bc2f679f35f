"""What the commands share: the console, progress bars, the database, days."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from features.errors import UserError
from service.settings import Settings
from service.storage.database import Database

# What goes into a file or another programme is not cut to the width of a terminal that is not there,
# and ":100:" in it is the number of a line, no picture.
console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 200)


@contextmanager
def progress_bar(words: str, steps: int) -> Iterator[tuple[Progress, TaskID]]:
    """A progress bar of so many steps."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress, progress.add_task(words, total=steps)


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database of the settings, ready for use and closed afterwards."""
    database = Database(settings.database_url)
    try:
        database.create()
        yield database
    finally:
        database.close()


def read_date(text: str) -> dt.date:
    """A day as the command line writes it.

    Raises:
        UserError: it is no day.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} 不是日期 is not a date; write YYYY-MM-DD") from None
