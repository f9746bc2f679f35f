"""The register in the database: written as one transaction, read back as the arrays it came from."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select

from features.errors import UserError
from features.register import (
    NEVER,
    Array,
    Indicator,
    Register,
    RegisterInfo,
    TableArrays,
    assemble,
    empty_table,
)
from features.tables import TABLES, Kind, Table
from service.storage.database import insert_columns, plain_rows
from service.storage.packing import Packing
from service.storage.tables import (
    codebook,
    imports,
    register_ids,
    register_state,
    register_tables,
    register_words,
)


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """What an import found, kept beside the register it made.

    Attributes:
        fingerprint: of files, months and pseudonym key together: the same again changes nothing.
        digest: of the files alone: the version of the data.
    """

    fingerprint: str
    digest: str
    mode: str
    months: int | None
    households: int
    rows: int
    rows_left_out: int
    problems: int
    imported_at: str


def stored_fingerprint(connection: Connection) -> str | None:
    """The fingerprint of the import that the stored register came from; None where no register is stored."""
    join = register_state.join(imports, register_state.c.import_id == imports.c.id)
    return connection.execute(
        select(imports.c.fingerprint).select_from(join).where(register_state.c.codebook == codebook())
    ).scalar_one_or_none()


def stored_import(connection: Connection) -> int | None:
    """The number of the import that the stored register came from; None where no register is stored."""
    return connection.execute(select(register_state.c.import_id)).scalar_one_or_none()


def stored_info(connection: Connection) -> RegisterInfo | None:
    """The description of the stored register; None where there is none."""
    row = connection.execute(select(register_state)).one_or_none()
    if row is None:
        return None
    return RegisterInfo(
        county=row.county,
        synthetic=row.synthetic,
        known_until=dt.date.fromisoformat(row.known_until) if row.known_until else None,
        indicators=tuple(Indicator(**entry) for entry in json.loads(row.indicators)),
        digest=row.digest,
    )


def replace_register(
    connection: Connection, register: Register, record: ImportRecord, progress: Callable[[str, int], None] = lambda *_: None
) -> int:
    """Puts a register in the place of the stored one.

    Args:
        connection: inside a writing transaction: if anything fails, the old register stays.
        register: what was read.
        record: how it was read.
        progress: called with a table's name and its rows when it is written.

    Returns:
        the import's number.
    """
    for table in (register_state, register_ids, register_words, *register_tables.values()):
        connection.execute(delete(table))
    number = int(connection.execute(insert(imports).values(**asdict(record)).returning(imports.c.id)).scalar_one())
    households = len(register)
    insert_columns(connection, register_ids, {"household": np.arange(households), "household_id": register.household_id}, households)
    written: dict[int, tuple[str, str]] = {}
    for place, words in register.texts.items():
        # Member ids are one list for all tables that name members; it is kept once, the others refer to it.
        if id(words) not in written:
            written[id(words)] = place
            _write_words(connection, place, words)
        else:
            first = written[id(words)]
            _write_words(connection, place, [f"@{first[0]}.{first[1]}"], at=-1)
    for name, arrays in register.tables.items():
        _write_table(connection, TABLES[name], arrays, number)
        progress(name, len(arrays))
    info = register.info
    connection.execute(
        insert(register_state).values(
            id=1,
            import_id=number,
            county=info.county,
            synthetic=info.synthetic,
            known_until=info.known_until.isoformat() if info.known_until else None,
            indicators=json.dumps([asdict(indicator) for indicator in info.indicators], ensure_ascii=False),
            digest=info.digest,
            codebook=codebook(),
        )
    )
    return number


def _write_words(connection: Connection, place: tuple[str, str], words: Any, at: int = 0) -> None:
    rows = len(words)
    columns = {"table_name": [place[0]] * rows, "column_name": [place[1]] * rows, "place": np.arange(at, at + rows), "word": words}
    insert_columns(connection, register_words, columns, rows)


def _write_table(connection: Connection, schema: Table, arrays: TableArrays, number: int) -> None:
    rows = len(arrays)
    if not rows:
        return
    household = arrays.household
    first = np.flatnonzero(np.concatenate(([True], household[1:] != household[:-1])))
    line = np.arange(rows) - np.repeat(first, np.diff(np.append(first, rows)))
    columns: dict[str, Array | list[Any]] = {"household": household, "line": line, "loaded_in": np.full(rows, number)}
    for column in schema.columns:
        if column.name == "household_id":
            continue
        values = arrays.columns[column.name]
        if column.kind is Kind.NUMBER:
            columns[column.name] = values
            continue
        missing = _missing(column.kind, values)
        columns[column.name] = np.where(missing, np.nan, values) if missing.any() else values.astype(np.int64)
    insert_columns(connection, register_tables[schema.name], columns, rows)


def _missing(kind: Kind, values: Array) -> Array:
    missing: Array = (
        np.isnan(values) if kind in (Kind.FLAG, Kind.NUMBER) else values == NEVER if kind in (Kind.DATE, Kind.MONTH) else values < 0
    )
    return missing


def load_register(connection: Connection, progress: Callable[[str], None] = lambda _: None) -> Register:
    """Reads the stored register back, equal to the one that was written.

    Raises:
        UserError: no register is stored, or it was written with another codebook.
    """
    info = stored_info(connection)
    if info is None:
        raise UserError("no register is stored yet 尚未导入数据: run python -m service import DIR")
    if connection.execute(select(register_state.c.codebook)).scalar_one() != codebook():
        raise UserError(
            "the stored register was written with another version of the tables 数据表结构已变: run python -m service import DIR again"
        )
    ids = connection.execute(select(register_ids.c.household_id).order_by(register_ids.c.household)).scalars().all()
    tables = {}
    for name, schema in TABLES.items():
        progress(name)
        tables[name] = _read_table(connection, schema)
    return Register(np.array(ids, dtype=np.str_), tables, _read_words(connection), info)


def _read_words(connection: Connection) -> dict[tuple[str, str], list[str]]:
    texts: dict[tuple[str, str], list[str]] = {}
    same: list[tuple[tuple[str, str], tuple[str, str]]] = []
    c = register_words.c
    for table, column, place, word in connection.execute(
        select(c.table_name, c.column_name, c.place, c.word).order_by(c.table_name, c.column_name, c.place)
    ):
        if place < 0:
            first, _, second = word.removeprefix("@").partition(".")
            same.append(((table, column), (first, second)))
        else:
            texts.setdefault((table, column), []).append(word)
    for place_, original in same:
        texts[place_] = texts.setdefault(original, [])
    return texts


def _read_table(connection: Connection, schema: Table) -> TableArrays:
    table = register_tables[schema.name]
    rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
    if not rows:
        return empty_table(schema)
    packing = Packing([column for column in schema.columns if column.name != "household_id"])
    cells = select(*packing.cells(table)).order_by(table.c.household, table.c.line)
    flat = np.fromiter(chain.from_iterable(plain_rows(connection, cells)), np.float64, count=rows * packing.width)
    household, columns = packing.unpack(flat.reshape(rows, packing.width))
    return assemble(schema, household, columns)
