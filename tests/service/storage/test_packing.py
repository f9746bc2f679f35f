"""Whatever may stand in a register comes back from the database exactly, the ends of every range among it."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, insert, select

from features.register import EMPTY_DTYPES, NEVER
from features.tables import TABLES, Column, Kind
from service.storage.database import Database, plain_rows
from service.storage.packing import FIRST_DAY, FIRST_MONTH, LAST_DAY, LAST_MONTH, WORD_BITS, Packing
from service.storage.tables import register_tables

ROWS = 300


def stored(random: Random, column: Column) -> int | float | None:
    """A cell as the database holds it: often at an end of its range, often missing where it may be."""
    if not column.required and random.random() < 0.3:
        return None
    ends: dict[Kind, tuple[int, int]] = {
        Kind.ID: (0, 2**31 - 1),
        Kind.TEXT: (0, 2**31 - 1),
        Kind.CATEGORY: (0, len(column.codes) - 1),
        Kind.FLAG: (0, 1),
        Kind.DATE: (FIRST_DAY, LAST_DAY),
        Kind.MONTH: (FIRST_MONTH, LAST_MONTH),
    }
    if column.kind is Kind.NUMBER:
        return random.choice([0.0, -1e7, 1e7, 0.1, -0.1, 1e-300, random.uniform(-1e7, 1e7)])
    low, high = ends[column.kind]
    return random.choice([low, high, random.randint(low, high)])


def held(column: Column, cell: float | None) -> float:
    """The same cell as the register holds it."""
    if cell is not None:
        return cell
    return float("nan") if column.kind in (Kind.FLAG, Kind.NUMBER) else int(NEVER) if column.kind in (Kind.DATE, Kind.MONTH) else -1


@pytest.mark.parametrize("name", list(TABLES))
def test_every_cell_of_every_table_comes_back(empty_database: Database, name: str) -> None:
    columns = [column for column in TABLES[name].columns if column.name != "household_id"]
    random = Random(name)
    rows: list[dict[str, Any]] = [
        {"household": place, "line": 0, "loaded_in": 1, **{column.name: stored(random, column) for column in columns}}
        for place in [*range(ROWS), 2**31 - 1]
    ]
    packing = Packing(columns)
    table = register_tables[name]
    with empty_database.writing() as connection:
        connection.execute(delete(table))
        connection.execute(insert(table), rows)
        block = list(plain_rows(connection, select(*packing.cells(table)).order_by(table.c.household)))
    household, found = packing.unpack(np.array(block, dtype=np.float64))
    assert household.tolist() == [row["household"] for row in rows]
    for column in columns:
        expected = np.array([held(column, row[column.name]) for row in rows], dtype=EMPTY_DTYPES[column.kind])
        assert np.array_equal(found[column.name], expected, equal_nan=expected.dtype.kind == "f"), column.name


@pytest.mark.parametrize("name", list(TABLES))
def test_no_two_columns_share_a_bit_and_every_word_is_exact_as_a_float(name: str) -> None:
    packing = Packing([column for column in TABLES[name].columns if column.name != "household_id"])
    taken: set[tuple[int, int]] = set()
    for at in (packing.household, *packing.placed.values()):
        bits = {(at.word, bit) for bit in range(at.shift, at.shift + at.bits)}
        assert not bits & taken
        assert at.shift + at.bits <= WORD_BITS
        taken |= bits
