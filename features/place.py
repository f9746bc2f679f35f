"""Where a row of a table stands as whoever filled it in sees it: the line of a CSV file (its header is line 1), the row of a sheet."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from features.table_file import rows_kept
from features.tables import Table

Where = Callable[[int | None], tuple[str, int | None]]
"""From a row's place among those read (from 0; None: the whole table) to the name of its file or sheet and its number there."""


def plain(name: str) -> Where:
    """Rows counted from 1, where nothing is known of a file."""
    return lambda row: (name, None if row is None else row + 1)


class FileRows:
    """The rows of one file; they are only looked for when something is wrong with one.

    Args:
        path: the file.
        label: what it is called to the user.
        schema: its table.
        since: as the file was read.
    """

    def __init__(self, path: Path, label: str, schema: Table, since: dt.date | None = None) -> None:
        self._path, self._label, self._schema, self._since = path, label, schema, since

    @cached_property
    def _numbers(self) -> Sequence[int]:
        return rows_kept(self._path, self._schema, self._since)

    def __call__(self, row: int | None) -> tuple[str, int | None]:
        """The file's name and the row's number in it."""
        return self._label, None if row is None else self._numbers[row]


def one_after_the_other(name: str, parts: Sequence[Where], rows: Sequence[int]) -> Where:
    """The rows of a table of several files, so many of each."""
    if len(parts) == 1:
        return parts[0]
    ends = list(accumulate(rows))

    def where(row: int | None) -> tuple[str, int | None]:
        if row is None:
            return name, None
        part = bisect_right(ends, row)
        return parts[part](row - (ends[part] - rows[part]))

    return where


def file_label(name: str, path: Path, files: int) -> str:
    """What a file of a table is called: as the table, where it is the only one."""
    return name if files == 1 else f"{name}/{path.name}"
