"""Reads the stored register back: as it stands now, or as any earlier import left it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, Subquery, and_, cast, func, or_, select

from features.errors import UserError
from features.register import Array, Columns, Indicator, Register, RegisterInfo, TableArrays, assemble, empty_table
from features.tables import TABLES, Kind, Table
from service.storage.codebook import readable
from service.storage.database import plain_rows
from service.storage.packing import Packing
from service.storage.tables import imports, register_ids, register_state, register_tables, register_words

MEMBERS = ("members", "member_id")
INDICATORS = ("indicators", "name")


def shelf(table: str, column: str) -> tuple[str, str]:
    """Under which name a column's words are kept: member ids are one list for all tables that name members."""
    return MEMBERS if column == "member_id" else (table, column)


def stored_import(connection: Connection) -> int | None:
    """The number of the import in use; None where no register is stored."""
    return connection.execute(select(register_state.c.import_id)).scalar_one_or_none()


def import_of(connection: Connection, number: int) -> Row[Any] | None:
    """What an import was: a row of `imports`; None where there is none of that number, or its rows were never all written."""
    return connection.execute(select(imports).where(imports.c.id == number, imports.c.imported_at.is_not(None))).one_or_none()


def info_of(row: Row[Any]) -> RegisterInfo:
    """How an import described the register."""
    return RegisterInfo(
        county=row.county,
        synthetic=row.synthetic,
        known_until=dt.date.fromisoformat(row.known_until) if row.known_until else None,
        indicators=tuple(Indicator(**entry) for entry in json.loads(row.indicators)),
        digest=row.digest,
    )


def stored_info(connection: Connection) -> RegisterInfo | None:
    """The description of the register in use; None where there is none."""
    number = stored_import(connection)
    row = None if number is None else import_of(connection, number)
    return None if row is None else info_of(row)


def load_register(connection: Connection, progress: Callable[[str], None] = lambda _: None, *, at: int | None = None) -> Register:
    """Reads the stored register, equal to the one that was written.

    Args:
        connection: to read with.
        progress: called with each table's name as it starts.
        at: as this import left it; None takes the import in use.

    Returns:
        the register, households sorted by id.

    Raises:
        UserError: no such register is stored, or it was written with another codebook.
    """
    number = stored_import(connection) if at is None else at
    if number is None:
        raise UserError("还没有导入数据 no register is stored yet: run python -m service import DIR")
    row = import_of(connection, number)
    if row is None:
        raise UserError(f"没有第 {number} 次导入 there is no import {number}; GET /api/v1/imports lists them 请查看导入记录")
    if not readable(row.meanings):
        raise UserError(
            "数据表结构已变 the stored register was written with another version of the tables: "
            "请重新导入 run python -m service import DIR --mode replace"
        )
    tables = {}
    for name, schema in TABLES.items():
        progress(name)
        tables[name] = read_rows(connection, schema, number)[0]
    ids = read_ids(connection)
    present = np.zeros(len(ids), dtype=bool)
    for table in tables.values():
        present[table.household] = True
    numbers = np.flatnonzero(present)
    numbers = numbers[np.argsort(ids[numbers], kind="stable")]
    place = np.zeros(len(ids), dtype=np.int32)
    place[numbers] = np.arange(len(numbers), dtype=np.int32)
    words = read_words(connection)
    texts = {
        (name, column.name): words.get(shelf(name, column.name), [])
        for name, schema in TABLES.items()
        for column in schema.columns
        if column.kind in (Kind.ID, Kind.TEXT) and column.name != "household_id" and len(tables[name])
    }
    info = info_of(row)
    tables["indicators"] = as_declared(tables["indicators"], dict(enumerate(texts.get(INDICATORS, ()))), info)
    if INDICATORS in texts:
        texts[INDICATORS] = [indicator.name for indicator in info.indicators]
    sorted_tables = {name: assemble(TABLES[name], place[table.household], table.columns) for name, table in tables.items()}
    return Register(ids[numbers], sorted_tables, texts, info)


def as_declared(rows: TableArrays, words: Mapping[int, str], info: RegisterInfo) -> TableArrays:
    """The values of indicators under the places that the register's description gives their names, as every reader expects them.

    Worked example: "wells" was stored first and "goats" later, but the description now declares goats, ducks, wells: a stored 0 becomes 2.

    Args:
        rows: the indicators as stored; `name` is a place among all words ever stored.
        words: the name at each place that occurs.
        info: what declares them.

    Returns:
        the rows whose indicator is declared, `name` being its place in the declaration.
    """
    declared = {indicator.name: place for place, indicator in enumerate(info.indicators)}
    column = INDICATORS[1]
    stored, which = np.unique(rows.columns[column], return_inverse=True)
    places = np.array([declared.get(words.get(place, ""), -1) for place in stored.tolist()], dtype=np.int32)[which]
    kept = places >= 0
    columns = {name: values[kept] for name, values in rows.columns.items()} | {column: places[kept]}
    none = np.empty(0, dtype=np.int32)
    return TableArrays(rows.name, Columns(TABLES[rows.name], int(kept.sum()), columns), rows.household[kept], none, none)


def read_ids(connection: Connection) -> Array:
    """The household ids by their number; "" where a number was never given."""
    rows = connection.execute(select(register_ids.c.household, register_ids.c.household_id)).all()
    found = {row.household: row.household_id for row in rows}
    return np.array([found.get(number, "") for number in range(max(found, default=-1) + 1)], dtype=np.str_)


def stored_households(connection: Connection, number: int, region: str = "") -> tuple[list[str], list[str]]:
    """The ids of the households that an import sees: those that live in a region, and those that live elsewhere."""
    lives = _villages(number)
    query = select(register_ids.c.household_id, lives.c.village).join(lives, lives.c.household == register_ids.c.household)
    inside: list[str] = []
    elsewhere: list[str] = []
    for household, village in connection.execute(query):
        (inside if village.startswith(region) else elsewhere).append(household)
    return inside, elsewhere


def numbers_in(number: int, region: str) -> Select[tuple[int]]:
    """The numbers of the households that an import sees and that live in a region, as a query for use in others."""
    lives = _villages(number)
    return select(lives.c.household).where(func.substr(lives.c.village, 1, len(region)) == region)


def _villages(number: int) -> Subquery:
    """The village that each household lives in: that of its latest row. Whoever moved away belongs to the new place only."""
    rows, w = register_tables["households"], register_words.c
    latest = func.row_number().over(
        partition_by=rows.c.household, order_by=(rows.c.valid_from.desc(), rows.c.known_on.desc(), rows.c.line.desc())
    )
    ranked = select(rows.c.household, rows.c.village_code, latest.label("rank")).where(visible(rows, number)).subquery()
    word = and_(w.table_name == "households", w.column_name == "village_code", w.place == ranked.c.village_code)
    return select(ranked.c.household, w.word.label("village")).join(register_words, word).where(ranked.c.rank == 1).subquery()


def read_words(connection: Connection) -> dict[tuple[str, str], list[str]]:
    """The words behind the indexes, by shelf."""
    words: dict[tuple[str, str], list[str]] = {}
    c = register_words.c
    for table, column, word in plain_rows(
        connection, select(c.table_name, c.column_name, c.word).order_by(c.table_name, c.column_name, c.place)
    ):
        words.setdefault((table, column), []).append(word)
    return words


def visible(table: Any, number: int) -> ColumnElement[bool]:
    """The rows that an import sees."""
    return and_(table.c.loaded_in <= number, or_(table.c.dropped_in.is_(None), table.c.dropped_in > number))


def read_rows(
    connection: Connection,
    schema: Table,
    number: int,
    households: Collection[int] | Select[tuple[int]] | None = None,
    *,
    lines: bool = False,
) -> tuple[TableArrays, Array]:
    """The rows of one table that an import sees, in the order in which they were written; not yet sorted out by date.

    Args:
        connection: to read with.
        schema: the table.
        number: of the import.
        households: only rows of these household numbers, or of those that a query finds.
        lines: whether the lines are asked for.

    Returns:
        the rows, `household` being the household's number; and each row's line, which with the number is its key.
    """
    table = register_tables[schema.name]
    packing = Packing([column for column in schema.columns if column.name != "household_id"])
    cells = [*packing.cells(table), *([cast(table.c.line, BigInteger)] if lines else [])]
    query = select(*cells).where(visible(table, number)).order_by(table.c.household, table.c.line)
    if households is not None:
        query = query.where(table.c.household.in_(households if isinstance(households, Select) else list(households)))
    width = len(cells)
    block = np.fromiter(chain.from_iterable(plain_rows(connection, query)), np.float64).reshape(-1, width)
    if not len(block):
        return empty_table(schema), np.empty(0, dtype=np.int64)
    household, columns = packing.unpack(block)
    unsorted = np.empty(0, dtype=np.int32)
    arrays = TableArrays(schema.name, Columns(schema, len(block), columns), household, unsorted, unsorted)
    return arrays, block[:, -1].astype(np.int64) if lines else unsorted


def words_of(texts: Mapping[tuple[str, str], list[str]], table: str) -> dict[tuple[str, str], list[str]]:
    """The words of one table's columns, by column."""
    return {
        (table, column.name): texts.get(shelf(table, column.name), [])
        for column in TABLES[table].columns
        if column.kind in (Kind.ID, Kind.TEXT)
    }
