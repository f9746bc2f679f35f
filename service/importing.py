"""Brings a register into the database: all of it or nothing, and the same folder again changes nothing."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from features.errors import Problem, UserError
from features.pseudonym import load_key, pseudonym
from service.clock import Clock, stamp
from service.storage.database import Database
from service.storage.register_store import ImportRecord, replace_register, stored_fingerprint

PROBLEM_COLUMNS = ("table", "row", "column", "reason", "remedy")
SHORTEST_MEMORY_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to.

    Attributes:
        fresh: False where the same data stood in the database already and nothing was written.
        problems: everything that was wrong with the files.
        report: where all problems are listed, or None where there are none.
    """

    fresh: bool
    households: int
    rows: int
    rows_left_out: int
    problems: Sequence[Problem]
    report: Path | None


def pseudonym_key(path: Path, *, demo: bool) -> bytes:
    """The key behind the pseudonyms; in a demo a missing one is made.

    Raises:
        UserError: no proper key, outside a demo.
    """
    if demo and not path.exists():
        make_key(path)
    return load_key(path)


def make_key(path: Path) -> None:
    """Writes a new random key, readable by its owner only; never over one that is there.

    Raises:
        UserError: there is one already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_hex(32) + "\n")
    except FileExistsError:
        raise UserError(
            f"{path} 已存在，不会覆盖 there is a key already; another one would give every household another pseudonym"
        ) from None


def months_before(date: dt.date, months: int) -> dt.date:
    """The first day of the month so many months before a date's.

    >>> months_before(dt.date(2024, 12, 31), 36)
    datetime.date(2021, 12, 1)
    """
    count = date.year * 12 + date.month - 1 - months
    return dt.date(count // 12, count % 12 + 1, 1)


def import_register(
    database: Database,
    folder: Path,
    key: bytes,
    *,
    months: int | None,
    uploads: Path,
    clock: Clock,
    progress: Callable[[str, int], None] = lambda *_: None,
) -> Imported:
    """Reads a register folder and puts it in the place of the stored register.

    Args:
        database: where to.
        folder: as `features.read.read_register` reads it.
        key: the pseudonym key.
        months: how many months of incomes, events and visits before the register's `known_until` to take; None takes all.
        uploads: where the list of problems is written.
        clock: for the record only.
        progress: called with (what is done now, rows).

    Raises:
        UserError: the folder cannot be read, or holds no usable household; the stored register stays as it was.
    """
    # pyarrow is needed here only: the service itself starts without it.
    from features.read import digest, read_info, read_register, table_files
    from features.tables import TABLES

    if not folder.is_dir():
        raise UserError(f"没有这个目录 no such folder: {folder}")
    if months is not None and months < SHORTEST_MEMORY_MONTHS:
        raise UserError(f"至少需要 {SHORTEST_MEMORY_MONTHS} 个月的数据 at least {SHORTEST_MEMORY_MONTHS} months are needed to score")
    progress("checking", 0)
    files = [path for name in TABLES for path in table_files(folder, name)]
    description = folder / "register.yaml"
    if description.is_file():
        files.append(description)
    # Of the key only its effect enters the fingerprint: another key makes other pseudonyms and hence another import.
    parts = (digest(files), str(months), pseudonym(key, "import fingerprint"))
    fingerprint = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    with database.reading() as connection:
        if stored_fingerprint(connection) == fingerprint:
            return Imported(False, 0, 0, 0, (), None)
    info = read_info(folder)
    since = months_before(info.known_until, months) if info.known_until and months is not None else None
    reading = read_register(folder, key, since=since, progress=lambda name: progress(f"reading {name}", 0))
    register = reading.register
    rows = sum(len(table) for table in register.tables.values())
    if not len(register.tables["households"]):
        raise UserError(
            f"{folder} 中没有一户可用 holds no usable household: the first problems are\n"
            + "\n".join(f"  {p}" for p in reading.problems[:20])
        )
    report = _report(uploads, fingerprint, reading.problems)
    record = ImportRecord(
        fingerprint=fingerprint,
        digest=register.info.digest,
        mode="replace",
        months=months,
        households=len(register),
        rows=rows,
        rows_left_out=sum(reading.rows_left_out.values()),
        problems=len(reading.problems),
        imported_at=stamp(clock()),
    )
    with database.writing() as connection:
        replace_register(connection, register, record, lambda name, written: progress(f"writing {name}", written))
    return Imported(True, len(register), rows, record.rows_left_out, reading.problems, report)


def _report(uploads: Path, fingerprint: str, problems: Sequence[Problem]) -> Path | None:
    if not problems:
        return None
    uploads.mkdir(parents=True, exist_ok=True)
    path = uploads / f"problems-{fingerprint[:12]}.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as out:  # the mark makes spreadsheets read the Chinese
        writer = csv.writer(out)
        writer.writerow(PROBLEM_COLUMNS)
        writer.writerows([_cell(getattr(problem, name)) for name in PROBLEM_COLUMNS] for problem in problems)
    return path


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
