"""Brings files into the stored register: all of it or nothing, and the same again changes nothing."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from features.errors import Problem, RegisterError, UserError
from features.pseudonym import EXAMPLE_KEY, MINIMUM_KEY_BYTES, keep_key, key_mark, load_key
from features.register import RegisterInfo
from features.scope import Scope
from features.tables import TABLES
from service.clock import Clock, stamp, today
from service.exchange.cells import safe_text
from service.incoming import opened
from service.list_day import check_known_until
from service.redaction import redact, without_cell
from service.storage.codebook import readable
from service.storage.database import Database
from service.storage.exclusive import PlaceLostError, only_one
from service.storage.import_plan import Mode, Plan, plan
from service.storage.import_store import ImportRecord, sweep, write
from service.storage.register_store import import_of, info_of, stored_households, stored_import

if TYPE_CHECKING:
    from features.read import Reading

PROBLEM_COLUMNS = ("table", "row", "column", "reason", "remedy")
SHORTEST_MEMORY_MONTHS = 12
PLACE = "import"
STEPS = 2 + 2 * len(TABLES)
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class TableCounts:
    """What an import does to one table, in rows; those too old lie before the months that were asked for, and were not looked at."""

    new: int = 0
    changed: int = 0
    dropped: int = 0
    unchanged: int = 0
    left_out: int = 0
    too_old: int = 0


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to, or would come to.

    Attributes:
        fresh: False where the same data stood in the database already and nothing was written.
        number: of the import; None where nothing was written.
        households: how many the register holds afterwards.
        rows: how many rows it holds afterwards.
        tables: by table; `changed` rows are new ones that speak of something that was known.
        problems: everything that was wrong with the files.
        report: where all problems are listed, or None where there are none or nobody asked.
    """

    fresh: bool
    number: int | None = None
    households: int = 0
    households_new: int = 0
    households_dropped: int = 0
    rows: int = 0
    rows_left_out: int = 0
    tables: Mapping[str, TableCounts] | None = None
    problems: Sequence[Problem] = ()
    report: Path | None = None


def pseudonym_key(path: Path, *, demo: bool) -> bytes:
    """The key behind the pseudonyms; a demo that has none takes the one that everybody knows.

    Raises:
        UserError: no proper key, outside a demo.
    """
    if demo and not path.exists():
        keep_key(path, EXAMPLE_KEY)
    return load_key(path)


def make_key(path: Path) -> None:
    """Writes a new random key, readable by its owner only; never over one that is there.

    Raises:
        UserError: there is one already.
    """
    keep_key(path, secrets.token_bytes(MINIMUM_KEY_BYTES))


def months_before(date: dt.date, months: int) -> dt.date:
    """The first day of the month so many months before a date's.

    >>> months_before(dt.date(2024, 12, 31), 36)
    datetime.date(2021, 12, 1)
    """
    count = date.year * 12 + date.month - 1 - months
    return dt.date(count // 12, count % 12 + 1, 1)


def import_register(
    database: Database,
    source: Path,
    key: bytes,
    *,
    months: int | None,
    uploads: Path,
    clock: Clock,
    mode: Mode = "update",
    dry_run: bool = False,
    region: str = "",
    report: bool = True,
    progress: Progress = lambda *_: None,
    waiting: Callable[[], None] = lambda: None,
) -> Imported:
    """Reads files and brings them into the stored register.

    Args:
        database: where to.
        source: a folder, an Excel workbook or a zip of tables.
        key: the pseudonym key.
        months: how many months of incomes, events and visits before the register's `known_until` to take; None takes all.
        uploads: where a zip is unpacked meanwhile, and the list of problems written.
        clock: for the record only.
        mode: `update` adds what is new; `replace` also drops what the files no longer hold.
        dry_run: work everything out and write nothing.
        region: only households of this area are taken, changed or dropped; rows that speak of others are left out and named.
        report: write the list of problems.
        progress: called with (what is done now, rows).
        waiting: called once if another import is under way, which is waited for.

    Raises:
        UserError: the files cannot be read, hold nothing usable, or do not fit what is stored; the register stays as it was.
    """
    if months is not None and months < SHORTEST_MEMORY_MONTHS:
        raise UserError(f"至少需要 {SHORTEST_MEMORY_MONTHS} 个月的数据 at least {SHORTEST_MEMORY_MONTHS} months are needed to score")
    with only_one(database, PLACE, waiting=waiting) as held:
        sweep(database)
        progress("checking", 0)
        with database.reading() as connection:
            found = _stored(connection)
            here, elsewhere = ([], []) if found is None else stored_households(connection, found.id, region)
        adds = mode == "update" or bool(elsewhere)  # to what stays: a replacement leaves what lies outside its region
        base = _base(found, key, adds=adds)
        scope = Scope(region, here if base is not None and mode == "update" else [], elsewhere)
        with opened(source, uploads, partial=bool(scope.stored)) as incoming:
            # Of the key only its effect enters the fingerprint: another key makes other pseudonyms and hence another import.
            parts = (incoming.fingerprint, mode, str(months), region, key_mark(key))
            fingerprint = hashlib.sha256("\n".join(parts).encode()).hexdigest()
            if base is not None and base.fingerprint == fingerprint:
                return Imported(False, households=base.households, rows=base.rows)
            info = incoming.info or RegisterInfo()
            check_known_until(info, today(clock))
            if base is not None and adds:
                info = merged(info_of(base), incoming.info, others=bool(elsewhere))
            since = months_before(info.known_until, months) if info.known_until and months is not None else None
            progress("reading", 0)
            scope = replace(scope, county=incoming.info.county if incoming.info else "")
            reading = incoming.read(key, info, since, scope, today(clock))
        problems = [replace(problem, reason=without_numbers(problem.reason)) for problem in reading.problems]
        register = reading.register
        usable = len(register.tables["households"]) or (scope.stored and any(len(table) for table in register.tables.values()))
        if not usable:
            raise RegisterError(f"{source} 中没有一户可用 holds no usable household", problems)
        with database.reading() as connection:
            planned = plan(connection, register, info, mode, progress, since=since, region=region)
        record = ImportRecord(
            fingerprint=fingerprint,
            mode=mode,
            months=months,
            key_mark=key_mark(key),
            rows_left_out=sum(reading.rows_left_out.values()),
            problems=len(problems),
        )
        number = None
        if not dry_run and not planned.changes_nothing:
            try:
                number = write(database, planned, record, stamp(clock()), held=held, progress=progress)
            except BaseException:
                with suppress(PlaceLostError):  # whoever has the place now sweeps up
                    held()
                    sweep(database)
                raise
    return Imported(
        fresh=not planned.changes_nothing,
        number=number,
        households=planned.households,
        households_new=planned.households_new,
        households_dropped=planned.households_dropped,
        rows=planned.rows,
        rows_left_out=record.rows_left_out,
        tables=_counts(planned, reading),
        problems=problems,
        report=_report(uploads, fingerprint, problems) if report else None,
    )


def _stored(connection: Connection) -> Row[Any] | None:
    """The import in use."""
    number = stored_import(connection)
    return None if number is None else import_of(connection, number)


def _base(row: Row[Any] | None, key: bytes, *, adds: bool) -> Row[Any] | None:
    """The import that a further one builds on; None where it begins anew.

    Args:
        row: the import in use.
        key: the pseudonym key.
        adds: whether something of what is stored stays.

    Raises:
        UserError: what is new cannot be added to what is stored.
    """
    if row is None:
        return None
    again = "python -m service import DIR --mode replace 重新导入全部 imports everything anew"
    if not readable(row.meanings):
        if adds:
            raise UserError(f"数据表结构已变 what is stored was written with another version of the tables: {again}")
        return None
    if row.key_mark != key_mark(key):
        if adds:
            raise UserError(f"假名密钥与现有数据不同 what is stored bears pseudonyms of another key: use that key, or {again}")
        return None
    return row


def merged(stored: RegisterInfo, files: RegisterInfo | None, *, others: bool = False) -> RegisterInfo:
    """How a register is described after files were added to it.

    Args:
        stored: as it is described now.
        files: as the files describe it; None where they do not.
        others: whether it holds households of other regions than the files.

    Raises:
        UserError: the two cannot both be true.
    """
    if files is None and not stored.synthetic:
        return replace(stored, digest="")
    files = files or RegisterInfo(key_mark=stored.key_mark)  # who says nothing speaks of real people
    if files.county and stored.county and files.county != stored.county:
        raise UserError(
            f"县代码不符 the files are of county {files.county}, the stored register is of {stored.county}: "
            "check county in register.yaml 请核对; a register of several counties names none 多县登记册不写县代码"
        )
    if files.synthetic != stored.synthetic:
        said, held = ("合成 made-up", "真实 real") if files.synthetic else ("真实 real", "合成 made-up")
        raise UserError(
            f"数据性质不符 the files say that they are {said}, the stored register is {held}: "
            "两者不得混用 the two are never mixed; 请更正 correct synthetic in register.yaml (说明), 或用 or use --mode replace 替换全部"
        )
    known = {indicator.name: indicator for indicator in stored.indicators}
    for indicator in files.indicators:
        if known.setdefault(indicator.name, indicator) != indicator:
            raise UserError(
                f"指标 {indicator.name} 的定义与现有不同 the indicator {indicator.name} is declared in another way than before: "
                "give it another name, or the same declaration 请改名或保持原定义"
            )
    ends = [end for end in (stored.known_until, files.known_until) if end is not None]
    return RegisterInfo(
        county=stored.county or ("" if others else files.county),
        synthetic=stored.synthetic,
        known_until=max(ends, default=None),
        indicators=tuple(known.values()),
        key_mark=files.key_mark,
    )


def without_numbers(text: str) -> str:
    """A text without what may be somebody's number: cells are quoted in complaints, and ids may stand in any cell."""
    return redact(text)[0]


def _counts(planned: Plan, reading: Reading) -> dict[str, TableCounts]:
    """What happens to each table that anything happens to."""
    counts = {
        name: TableCounts(len(change.added), change.changed, len(change.dropped[0]), change.same) for name, change in planned.tables.items()
    }
    counted = {
        name: replace(
            counts.get(name, TableCounts()), left_out=reading.rows_left_out.get(name, 0), too_old=reading.rows_too_old.get(name, 0)
        )
        for name in TABLES
    }
    return {name: found for name, found in counted.items() if found != TableCounts()}


def _report(uploads: Path, fingerprint: str, problems: Sequence[Problem]) -> Path | None:
    if not problems:
        return None
    uploads.mkdir(parents=True, exist_ok=True)
    path = uploads / f"problems-{fingerprint[:12]}.csv"
    kept = [replace(problem, reason=without_cell(problem.reason)) for problem in problems]
    path.write_text(problems_csv([[getattr(problem, name) for name in PROBLEM_COLUMNS] for problem in kept]), encoding="utf-8")
    return path


def problems_csv(rows: Sequence[Sequence[object]]) -> str:
    """Problems as a text that spreadsheets open: `PROBLEM_COLUMNS`, one line each."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(PROBLEM_COLUMNS)
    writer.writerows([safe_text("" if cell is None else str(cell)) for cell in row] for row in rows)
    return "\ufeff" + out.getvalue()  # the mark makes spreadsheets read the Chinese
