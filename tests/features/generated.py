"""Registers made up row by row, without any regard to sense but with regard to the schema: what the properties are tested on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from features.build import FeatureFrame
from features.read import Reading, from_arrow
from features.register import Indicator, Register, RegisterInfo
from features.tables import TABLES, Column, Kind, Table

INDICATORS = (Indicator("distance", "通达时间", "hours", 1, "other"), Indicator("roof", "屋顶破损", "share", 1, "housing"))
INFO = RegisterInfo(county="520523", synthetic=True, indicators=INDICATORS)
VILLAGES = ("520523100001", "520523100002", "520523101001")
FIRST_DAY, LAST_DAY = dt.date(2018, 1, 1), dt.date(2023, 12, 31)
Row = dict[str, Any]
Rows = dict[str, list[Row]]
ARROW_TYPES = {Kind.NUMBER: pa.float64(), Kind.FLAG: pa.bool_(), Kind.DATE: pa.date32()}


def some_day(random: Random, first: dt.date = FIRST_DAY, last: dt.date = LAST_DAY) -> dt.date:
    """A day in the range, often the first of a month, so that days meet."""
    day = first + dt.timedelta(days=random.randrange((last - first).days + 1))
    return max(first, day.replace(day=1)) if random.random() < 0.5 else day


def cell(random: Random, table: Table, column: Column) -> Any:
    """Something that may stand in a column; nothing in one cell of five where that is allowed."""
    if not column.required and random.random() < 0.2:
        return None
    match column.kind:
        case Kind.CATEGORY:
            return random.choice(column.codes)
        case Kind.FLAG:
            return random.random() < 0.5
        case Kind.DATE:
            return some_day(random)
        case Kind.NUMBER:
            low, high = max(column.low or 0.0, -1e4), FIRST_DAY.year if column.name == "birth_year" else min(column.high or 1.0, 3e4)
            number = low + random.random() * (high - low)
            return float(round(number)) if column.whole else round(number, 2)
        case Kind.MONTH:
            return "2020-01"
        case _:
            words = {
                "village_code": VILLAGES,
                "member_id": ("m1", "m2", "m3", "m4"),
                "event_id": ("e1", "e2", "e3"),
                "name": [indicator.name for indicator in INDICATORS],
                "department": ("公安交警", "财政局"),
            }
            return random.choice(words[column.name])


def row(random: Random, table: Table, household: str) -> Row:
    """One row of a table."""
    cells = {column.name: cell(random, table, column) for column in table.columns if column.name != "household_id"}
    if table.name == "incomes":
        year, quarter, quarters = random.randrange(2018, 2024), random.randrange(4), random.choice((1, 1, 1, 2, 4))
        start = year * 12 + (quarter * 3 if quarters == 1 else 0)
        end = start + 3 * quarters - 1
        cells |= {"period_start": f"{start // 12}-{start % 12 + 1:02}", "period_end": f"{end // 12}-{end % 12 + 1:02}"}
    return {"household_id": household, **cells}


def rows(random: Random, households: Iterable[str], most: int, tables: Iterable[str] = tuple(TABLES)) -> Rows:
    """Up to `most` rows a household in each of the tables."""
    return {
        name: [row(random, TABLES[name], household) for household in households for _ in range(random.randrange(most + 1))]
        for name in tables
    }


def joined(*parts: Mapping[str, list[Row]]) -> Rows:
    """The rows of several registers one after the other."""
    return {name: [row for part in parts for row in part.get(name, ())] for name in TABLES}


def arrow(rows: Mapping[str, list[Row]]) -> dict[str, pa.Table]:
    """The rows as Arrow tables, as a Parquet file would give them."""
    return {
        name: pa.table(
            {
                column.name: pa.array([row[column.name] for row in rows[name]], ARROW_TYPES.get(column.kind, pa.string()))
                for column in TABLES[name].columns
            }
        )
        for name in rows
    }


def reading(rows: Mapping[str, list[Row]], info: RegisterInfo = INFO) -> Reading:
    """The rows as read from a file."""
    return from_arrow(arrow(rows), info, None)


def register(rows: Mapping[str, list[Row]], info: RegisterInfo = INFO) -> Register:
    """The rows as a register; they must all have been placed."""
    found = reading(rows, info)
    assert not found.rows_left_out
    return found.register


def same(one: FeatureFrame, other: FeatureFrame, one_register: Register, other_register: Register) -> list[str]:
    """What differs between two frames, to the last bit: names of features and facts."""
    different = [] if np.array_equal(one.household_id, other.household_id) else ["household_id"]
    if different or one.names != other.names:
        return [*different, *({*one.names} ^ {*other.names})]
    bits = one.values.view(np.int64) != other.values.view(np.int64)
    bits &= ~(np.isnan(one.values) & np.isnan(other.values))
    different += [one.names[j] for j in np.flatnonzero(bits.any(axis=0))]
    for name in one.facts._fields:
        if name != "village" and not np.array_equal(getattr(one.facts, name), getattr(other.facts, name), equal_nan=True):
            different.append(f"facts.{name}")
    if villages(one, one_register) != villages(other, other_register):
        different.append("facts.village")
    return different


def villages(frame: FeatureFrame, register: Register) -> list[str | None]:
    """Each household's village code."""
    words = register.texts.get(("households", "village_code"), [])
    return [words[place] if place >= 0 else None for place in frame.facts.village]
