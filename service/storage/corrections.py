"""What of one household's register was added, changed or taken out between two imports: the input that was corrected since a score."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, not_, or_, select

from features.register import EPOCH_ORDINAL, day
from features.tables import TABLES, Column, Kind, Table
from service.storage.register_store import shelf, visible
from service.storage.tables import imports, register_ids, register_tables, register_words

Cell = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Correction:
    """One cell that another import changed.

    Attributes:
        key: what the row speaks of, `source wage, period_start 2023-01, …`; "" where the table has one row at a time.
        old: what the earlier import held; None where it held nothing.
        new: what the later import holds; None where it holds nothing.
        import_id: with which import the change came.
        imported_at: when that was.
    """

    table: str
    key: str
    column: str
    old: Cell
    new: Cell
    import_id: int
    imported_at: str


def corrections(
    connection: Connection, household_id: str, earlier: int, later: int, as_of: dt.date, *, tables: Collection[str]
) -> list[Correction]:
    """The cells of a household that differ between two imports, of those that a score on a day looks at.

    Args:
        connection: to read with.
        household_id: pseudonym.
        earlier: number of the import that the score saw.
        later: number of the import to compare with.
        as_of: the day of the score; rows that nobody knew by then are no input of it.
        tables: those that a score looks at.
    """
    household = connection.execute(select(register_ids.c.household).where(register_ids.c.household_id == household_id)).scalar_one_or_none()
    if household is None:
        return []
    dated: dict[int, str] = {row.id: row.imported_at for row in connection.execute(select(imports.c.id, imports.c.imported_at))}
    out = []
    for schema in (TABLES[name] for name in TABLES if name in tables):
        table = register_tables[schema.name]
        before, after = visible(table, earlier), visible(table, later)
        changed = or_(and_(before, not_(after)), and_(after, not_(before)))
        rows = connection.execute(
            select(table, before.label("was_there"))
            .where(table.c.household == household, table.c.known_on <= day(as_of), changed)
            .order_by(table.c.line)
        ).all()
        out += _paired(connection, schema, rows, dated)
    return out


def _paired(connection: Connection, schema: Table, rows: Any, dated: dict[int, str]) -> list[Correction]:
    """The rows that went and those that came, side by side where they speak of the same thing."""
    named = [column for column in schema.columns if column.name in (*schema.entity, schema.valid)]
    pairs: dict[tuple[Any, ...], list[list[Row[Any]]]] = {}
    for row in rows:
        went, came = pairs.setdefault(tuple(getattr(row, column.name) for column in named), [[], []])
        (went if row.was_there else came).append(row)
    out = []
    for went, came in pairs.values():
        for place in range(max(len(went), len(came))):
            old, new = went[place] if place < len(went) else None, came[place] if place < len(came) else None
            some = new if new is not None else old
            number = new.loaded_in if new is not None else old.dropped_in if old is not None else 0
            key = ", ".join(f"{column.name} {_cell(connection, schema, column, getattr(some, column.name))}" for column in named)
            for column in schema.columns:
                if column.name == "household_id" or column in named:
                    continue
                cells = [None if row is None else _cell(connection, schema, column, getattr(row, column.name)) for row in (old, new)]
                if cells[0] != cells[1]:
                    out.append(Correction(schema.name, key, column.name, cells[0], cells[1], number, dated.get(number, "")))
    return out


def _cell(connection: Connection, schema: Table, column: Column, stored: Any) -> Cell:
    """A stored number as the register's files write it."""
    if stored is None:
        return None
    match column.kind:
        case Kind.CATEGORY:
            return column.codes[int(stored)]
        case Kind.FLAG:
            return bool(stored)
        case Kind.NUMBER:
            return float(stored)
        case Kind.DATE:
            return dt.date.fromordinal(EPOCH_ORDINAL + stored).isoformat()
        case Kind.MONTH:
            return f"{1970 + stored // 12}-{stored % 12 + 1:02d}"
    table, name = shelf(schema.name, column.name)
    w = register_words.c
    at = (w.table_name == table, w.column_name == name, w.place == stored)
    word: str | None = connection.execute(select(w.word).where(*at)).scalar_one_or_none()
    return word
