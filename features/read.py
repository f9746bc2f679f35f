"""Reads a register from a folder of Parquet or CSV files (one file or one folder of parts a table) and replaces ids by pseudonyms.

Good rows load; a row that cannot be placed (no household, no validity, no known_on) is left out and reported; a cell
that cannot be read becomes missing and is reported. Nothing is dropped without a word.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from features.age import AGE_COLUMNS, too_old
from features.complaints import CORRECT, STRANGER, UNDECLARED, Complaints, other_county
from features.contents import register_digest
from features.encode import EARLIEST_YEAR, encode_cells
from features.errors import PROBLEMS_KEPT, Problem, RegisterError
from features.folder import digest, read_info, table_files
from features.household import VILLAGE_CODE
from features.money import grained, in_yuan
from features.place import FileRows, Where, file_label, one_after_the_other, plain
from features.pseudonym import PSEUDONYM, check_mark, check_secret, pseudonym
from features.quality.rules import RULES, days_after
from features.register import NEVER, Array, BoolArray, Register, RegisterInfo, TableArrays, assemble, day, empty_table
from features.scope import ANYWHERE, Scope
from features.table_file import is_numeric, read_table_file, together
from features.tables import TABLES, Column, Kind

_FIRST_DAY = day(dt.date(EARLIEST_YEAR, 1, 1))
FILES_AT_ONCE = 2  # decoding lets go of the interpreter; more would hold more files in memory before old rows are left out


@dataclass
class Reading:
    """A register as read, and all that was wrong with the files."""

    register: Register
    problems: list[Problem] = field(default_factory=list)
    rows_read: dict[str, int] = field(default_factory=dict)
    rows_left_out: dict[str, int] = field(default_factory=dict)
    rows_too_old: dict[str, int] = field(default_factory=dict)
    lacking: bool = False
    """Whether a required column is missing: what was read is then good for finding faults only."""


def read_register(
    folder: Path,
    key: bytes | None,
    *,
    since: dt.date | None = None,
    tables: Collection[str] | None = None,
    name_members: bool = True,
    info: RegisterInfo | None = None,
    scope: Scope = ANYWHERE,
    today: dt.date | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Reading:
    """Reads all tables of a register folder.

    Args:
        folder: holds households.parquet (or .csv, or households/part-*.parquet), members, … and optionally
            register.yaml.
        key: the pseudonym key; None keeps ids as they are, for public panels only.
        since: leave out incomes, events and visits that lie wholly before this day (the last 36 months are enough to score).
        tables: read only these; all by default.
        name_members: as `from_arrow`; without them the version is that of the files, which takes no time.
        info: the register's description, in the place of the folder's own.
        scope: as `from_arrow`; where households are stored, the folder needs no households table.
        today: as `from_arrow`.
        progress: called with each table's name as it starts.

    Raises:
        RegisterError: there is no households table, one cannot be read or lacks a required column, or the pseudonyms are of another key.
    """
    files = {name: table_files(folder, name) for name in TABLES}
    if not files["households"] and not scope.stored:
        raise RegisterError(f"{folder} 缺少户表 holds no households table: expected households.parquet, households.csv or households/")
    info = info or read_info(folder)
    if info.key_mark:
        check_mark(info.key_mark, key)
    frames: dict[str, pa.Table] = {}
    old: dict[str, int] = {}  # rows that were not even decoded, because they are too old
    where: dict[str, Where] = {}
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        version = pool.submit(digest, [path for paths in files.values() for path in paths])
        parts = {
            name: pool.map(partial(read_table_file, schema=schema, since=since), files[name])
            for name, schema in TABLES.items()
            if files[name] and (tables is None or name in tables)
        }
        for name, decoding in parts.items():
            progress(name)
            tables_read = list(decoding)
            frames[name] = together(tables_read)
            each = [FileRows(path, file_label(name, path, len(tables_read)), TABLES[name], since) for path in files[name]]
            where[name] = one_after_the_other(name, each, [len(part) for part in tables_read])
            if since is not None and name in AGE_COLUMNS:
                old[name] = sum(pyarrow.parquet.read_metadata(path).num_rows for path in files[name] if path.suffix != ".csv") - sum(
                    part.num_rows for path, part in zip(files[name], tables_read, strict=True) if path.suffix != ".csv"
                )
    if info.key_mark:
        _check_pseudonyms(frames)
    key = None if info.key_mark else key
    reading = from_arrow(frames, info, key, since=since, name_members=name_members, scope=scope, today=today, where=where)
    if reading.lacking:  # everything else that is wrong is said as well
        raise RegisterError(f"{folder} 无法读取 cannot be read", reading.problems)
    for name, rows in old.items():
        if rows:
            reading.rows_too_old[name] = reading.rows_too_old.get(name, 0) + rows
    reading.register = replace(
        reading.register, info=replace(info, digest=register_digest(reading.register) if name_members else version.result())
    )
    return reading


def _check_pseudonyms(frames: Mapping[str, pa.Table]) -> None:
    """Refuses plain ids in a register that claims to hold pseudonyms only.

    Raises:
        RegisterError: names the columns.
    """
    plain = [
        Problem(
            name,
            None,
            column,
            "含有未假名化的编号 holds ids that are no pseudonyms",
            "请从 register.yaml 去掉 pseudonymised take it out of register.yaml",
        )
        for name, frame in frames.items()
        for column in ("household_id", "member_id", "event_id")
        if column in frame.column_names
        and pc.any(pc.invert(pc.match_substring_regex(_words(_dictionary(_text(frame[column]))), PSEUDONYM))).as_py()
    ]
    if plain:
        raise RegisterError("标为已假名化，但并非如此 the register is said to be pseudonymised and is not", plain)


def from_arrow(
    frames: Mapping[str, pa.Table],
    info: RegisterInfo,
    key: bytes | None,
    *,
    since: dt.date | None = None,
    name_members: bool = True,
    scope: Scope = ANYWHERE,
    today: dt.date | None = None,
    where: Mapping[str, Where] | None = None,
) -> Reading:
    """Encodes Arrow tables (columns named as in the schema) into a register.

    Args:
        frames: by table name; tables that are absent are empty.
        info: the register's description.
        key: the pseudonym key, or None to keep ids.
        since: as `read_register`.
        name_members: keep the members' pseudonyms; without them members are told apart, which is all that a score needs.
        scope: which households the rows may speak of.
        today: rows known later are named; without it nobody asks.
        where: by table, where its rows stand in what the user filled in.

    Returns:
        the reading; households sorted by (pseudonymous) id.
    """
    check_secret(key, synthetic=info.synthetic)
    reading = Reading(Register(np.empty(0, dtype=np.str_), {}, {}, info))
    where = {name: plain(name) for name in TABLES} | dict(where or {})
    reports = {name: Complaints(where[name]) for name in TABLES}
    for name, frame in frames.items():
        reading.lacking |= reports[name].columns(TABLES[name], frame)
    frames = {name: frame for name, frame in frames.items() if "household_id" in frame.column_names}
    region, county = scope.region, scope.county or info.county
    beyond_region, beyond_county = (_outside(frames.get("households"), area) for area in (region, county))
    if beyond_county is not None:  # what is no code of a village is in no other county
        beyond_county &= True if beyond_region is None else ~beyond_region
        beyond_county &= ~_unreadable_village(frames["households"])
    outside = beyond_county if beyond_region is None else beyond_region if beyond_county is None else beyond_region | beyond_county
    listed = _listed(frames.get("households"), outside)
    named = [_words(_dictionary(_text(frame["household_id"]))) for frame in frames.values()] if scope.stored else []
    written = pc.unique(pa.concat_arrays([listed, *named]))  # each household's id as the files write it
    ids = [word if not word or key is None else pseudonym(key, word) for word in written.to_pylist()]
    spoken_of = {name for name in ids[: len(listed)] if name}.union(scope.stored).difference(scope.elsewhere)
    universe = np.array(sorted(spoken_of), dtype=np.str_)
    places = pc.index_in(pa.array(ids, pa.string()), pa.array(universe.tolist(), pa.string()))
    members, listed_members = _Members(key, name_members), 0
    latest = days_after(info.known_until, today)
    sorting = ThreadPoolExecutor(1)  # sorts one table while the cells of the next are read
    tables: dict[str, Future[TableArrays]] = {}
    texts: dict[tuple[str, str], list[str]] = {}
    indicators = pa.array([indicator.name for indicator in info.indicators], pa.string())
    for name, schema in TABLES.items():
        frame = frames.get(name)
        if frame is None or not len(frame):
            tables[name] = sorting.submit(empty_table, schema)
            continue
        reading.rows_read[name] = len(frame)
        report = reports[name]
        coded = _dictionary(_text(frame["household_id"]))
        household = _take(places.take(pc.index_in(_words(coded), written)), coded.indices)
        columns: dict[str, Array] = {}
        usable = household >= 0
        elsewhere = outside if name == "households" and outside is not None else np.zeros(len(frame), dtype=bool)
        if name == "households" and beyond_county is not None:
            report.rows(beyond_county, "village_code", *other_county(county))
        if name == "households" and beyond_region is not None:
            report.rows(
                beyond_region, "village_code", f"该村不在 {region} 范围内 the village lies outside {region}", "请删除该行 remove the row"
            )
        area = region or county
        report.rows(
            ~usable & ~elsewhere,
            "household_id",
            "户表中无此户"
            + (f"，或不在 {area} 范围内" if area else "")
            + " the household is not in the households table"
            + (f", or lies outside {area}" if area else ""),
            "请在户表补录" + ("，或删除该行" if area else "") + " add it to households" + (", or remove the row" if area else ""),
        )
        usable &= ~elsewhere
        for column in schema.columns:
            if column.name == "household_id":
                continue
            if column.name not in frame.column_names:
                columns[column.name] = (
                    encode_cells(column, [None] * len(frame), lambda *_: None)
                    if column.kind not in (Kind.ID, Kind.TEXT)
                    else np.full(len(frame), -1, np.int32)
                )
                continue
            if column.kind in (Kind.ID, Kind.TEXT):
                if column.name == "member_id":
                    values, known_words = members.index(_text(frame[column.name]))
                    if name == "members":
                        listed_members = len(members)
                    elif "members" in frames and not scope.stored:
                        report.rows(values >= listed_members, column.name, *STRANGER)
                elif column.name == "event_id":  # whoever numbers events often does so by person or by bill
                    values, known_words = _Members(key, named=True).index(_text(frame[column.name]))
                elif name == "indicators":
                    coded = _dictionary(_text(frame[column.name]))
                    values, known_words = (
                        _take(pc.index_in(coded.dictionary, indicators), coded.indices),
                        indicators.to_pylist(),
                    )
                    report.rows(values < 0, column.name, *UNDECLARED)
                else:
                    coded = _dictionary(_text(frame[column.name]))
                    proper, known_words = pa.array(range(len(coded.dictionary)), pa.int32()), coded.dictionary.to_pylist()
                    if column.name == "village_code":  # one that is none reads as missing, lest a person's number be kept as a place
                        proper = pc.if_else(pc.match_substring_regex(_words(coded), f"^{VILLAGE_CODE.pattern}$"), proper, None)
                    values = _take(proper, coded.indices)
                texts[name, column.name] = known_words
                columns[column.name] = values
                absent = values < 0
            else:
                columns[column.name] = values = _encode(column, frame[column.name], report)
                absent = np.isnan(values) if values.dtype == np.float64 else values == (-1 if column.kind is Kind.CATEGORY else 2**31 - 1)
            if column.required and absent.any():
                report.rows(
                    absent & usable,
                    column.name,
                    f"{column.zh} 缺失或无法识别，该行未载入 {column.name} is missing or unreadable, the row is left out",
                    "请补全 fill it in",
                )
                usable &= ~absent
        recent = ~too_old(name, columns, since)
        for rule in (*RULES.get(name, ()), *latest):
            report.rows(rule.broken(columns) & recent, rule.column, rule.reason, rule.remedy)
        if not recent.all():
            reading.rows_too_old[name] = int((usable & ~recent).sum())
        if not usable.all():
            reading.rows_left_out[name] = int((~usable & recent).sum())
        usable &= recent
        if not usable.all():
            household = household[usable]
            columns = {column: values[usable] for column, values in columns.items()}
        tables[name] = sorting.submit(assemble, schema, household, columns, partial(report.repeated, columns, usable))
    reading.register = Register(universe, {name: table.result() for name, table in tables.items()}, texts, info)
    sorting.shutdown()
    reading.problems = [problem for report in reports.values() for problem in report.sorted()][:PROBLEMS_KEPT]
    return reading


def _outside(households: pa.Table | None, region: str) -> BoolArray | None:
    """Which household rows lie in a village outside a region; None where none can."""
    if not region or households is None or "village_code" not in households.column_names:
        return None
    villages = _dictionary(_text(households["village_code"]))
    beyond = np.append(np.array(pc.invert(pc.starts_with(_words(villages), region)), dtype=bool), False)
    return np.asarray(beyond[villages.indices.fill_null(len(beyond) - 1).to_numpy(zero_copy_only=False)])


def _unreadable_village(households: pa.Table) -> BoolArray:
    """Which household rows bear a village code that is none."""
    villages = _dictionary(_text(households["village_code"]))
    wrong = np.append(np.array(pc.invert(pc.match_substring_regex(_words(villages), f"^{VILLAGE_CODE.pattern}$")), dtype=bool), True)
    return np.asarray(wrong[villages.indices.fill_null(len(wrong) - 1).to_numpy(zero_copy_only=False)])


def _listed(households: pa.Table | None, outside: BoolArray | None) -> pa.StringArray:
    """The ids of the households table, those apart whose every row lies outside."""
    if households is None:
        return pa.array([], pa.string())
    coded = _dictionary(_text(households["household_id"]))
    inside = _words(coded) if outside is None else _words(coded).take(coded.indices.filter(pa.array(~outside)).drop_null())
    return pc.unique(inside)


class _Members:
    """The members of all tables under one index; their pseudonyms too where they are to be named."""

    def __init__(self, key: bytes | None, named: bool) -> None:
        self._key = key
        self._named = named
        self._written = pa.array([], pa.string())  # as the files write them
        self._words: list[str] = []

    def __len__(self) -> int:
        return len(self._written)

    def index(self, values: pa.ChunkedArray) -> tuple[Array, list[str]]:
        coded = _dictionary(values)
        places = np.array(pc.index_in(_words(coded), self._written).fill_null(-1), dtype=np.int32)
        new = places < 0
        places[new] = np.arange(len(self._written), len(self._written) + int(new.sum()), dtype=np.int32)
        fresh = _words(coded).filter(pa.array(new))
        self._written = pa.concat_arrays([self._written, fresh])
        if self._named:
            words = fresh.to_pylist()
            self._words += words if self._key is None else [pseudonym(self._key, word) for word in words]
        return _take(pa.array(places), coded.indices), self._words


def _text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = values.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return values
    return values.cast(pa.string())


def _dictionary(values: pa.ChunkedArray) -> pa.DictionaryArray:
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    if coded.num_chunks > 1 and not all(chunk.dictionary.equals(coded.chunk(0).dictionary) for chunk in coded.chunks[1:]):
        coded = coded.unify_dictionaries()  # hashes every word of every chunk again: only where the parts do not share theirs yet
    coded = coded.combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], pa.dictionary(pa.int32(), pa.string()))
    return coded


def _words(coded: pa.DictionaryArray) -> pa.StringArray:
    """The distinct texts of a column."""
    return coded.dictionary.cast(pa.string())


def _take(places: pa.Array, indices: pa.Array) -> Array:
    """places[indices] with -1 for nulls on either side."""
    table = np.append(places.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32), np.int32(-1))
    return np.asarray(table[indices.fill_null(len(places)).to_numpy(zero_copy_only=False)])


def _encode(column: Column, values: pa.ChunkedArray, report: Complaints) -> Array:
    """One column to its array: numbers at once, everything else through its few distinct cells."""
    if column.kind is Kind.NUMBER and is_numeric(values.type):
        numbers: Array = np.array(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
        low, high = (
            column.low if column.low is not None else -np.inf,
            column.high if column.high is not None else np.inf,
        )
        wrong = (numbers < low) | (numbers > high) | np.isinf(numbers)
        if wrong.any():
            report.rows(wrong, column.name, f"超出允许范围 outside {low:g} … {high:g} {column.unit}".rstrip(), CORRECT)
            numbers[wrong] = np.nan
        if column.whole and (broken := numbers != np.rint(numbers)).any() and (broken := broken & ~np.isnan(numbers)).any():
            report.rows(broken, column.name, "不是整数 is no whole number", CORRECT)
            numbers[broken] = np.nan
        return grained(numbers) if in_yuan(column) else numbers
    if column.kind is Kind.DATE and pa.types.is_date32(values.type):
        days: Array = np.array(values.cast(pa.int32()).fill_null(int(NEVER)), dtype=np.int32)
        early = days < _FIRST_DAY
        if early.any():
            report.rows(early, column.name, f"早于 {EARLIEST_YEAR} 年 before {EARLIEST_YEAR}", CORRECT)
            days[early] = NEVER
        return days
    if column.kind is Kind.FLAG and pa.types.is_boolean(values.type):
        return np.array(values.cast(pa.uint8()).cast(pa.float64()).to_numpy(), dtype=np.float64)
    coded = _dictionary(values)
    cells = coded.dictionary.to_pylist()
    bad: dict[int, str] = {}
    distinct = encode_cells(column, [*(cell.strip() if isinstance(cell, str) else cell for cell in cells), None], bad.__setitem__)
    bad.pop(len(cells), None)  # the one blank put there for nulls
    places = coded.indices.fill_null(len(cells)).to_numpy(zero_copy_only=False)
    for place, reason in bad.items():
        if cells[place] not in (None, ""):
            report.rows(places == place, column.name, reason, CORRECT)
    return np.asarray(distinct[places])
