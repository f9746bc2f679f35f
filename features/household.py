"""A nested household, as a scoring request sends it, becomes a register of its own.

No frames and no validation library on this way: the lists go straight to arrays, checked by the same schema as a file.
One household takes a fraction of a millisecond; five thousand take one pass each table, not one a household.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from features.contradiction import difference
from features.encode import encode_cells
from features.errors import Problem
from features.register import NEVER, Array, Register, RegisterInfo, TableArrays, assemble, day, empty_table
from features.tables import TABLES, Column, Kind, Table

# In the nested form `status` is the short name of households.registry_status; both are taken.
ALIASES = {"status": "registry_status"}
SCORED_TABLES = ("members", "living", "employment", "incomes", "debts", "events", "indicators")
VILLAGE_CODE = re.compile(r"[0-9]{12}")  # not \d, to which ５２ and ٥٢ are digits too
LONGEST_ID = 64
DEFAULTED = {"known_on", "valid_from"}  # not said means as_of
PAST = {"known_on", "occurred_on", "valid_from", "start_date", "wishes_heard_on"}  # nothing of what is sent may lie after as_of
_DECLARED = {name: {column.name: column for column in schema.columns if column.name != "household_id"} for name, schema in TABLES.items()}
_EMPTY = {name: empty_table(schema) for name, schema in TABLES.items()}


def from_nested(
    households: Sequence[Mapping[str, Any]], as_of: dt.date, info: RegisterInfo | None = None
) -> tuple[Register, dict[int, list[Problem]]]:
    """Turns nested households into a register, with every problem found, by position.

    Args:
        households: each with household_id, village_code, status and lists named like the register's tables. A missing
            `known_on` or
            `valid_from` means as_of.
        as_of: the day on which the households are to be seen.
        info: which indicators the register declares.

    Returns:
        the register, household i at index i (those with problems included, so that positions hold), and problems by
        position.
    """
    info = info or RegisterInfo()
    problems: dict[int, list[Problem]] = {}

    def report(position: int, table: str, row: int | None, column: str | None, reason: str) -> None:
        name = households[position].get("household_id") if isinstance(households[position], Mapping) else None
        problems.setdefault(position, []).append(Problem(table, row, column, reason, household_id=name if isinstance(name, str) else None))

    tops: list[Mapping[str, Any]] = []
    rows: dict[str, tuple[list[Mapping[str, Any]], list[int], list[int]]] = {name: ([], [], []) for name in SCORED_TABLES}
    seen: set[str] = set()
    for position, household in enumerate(households):
        if not isinstance(household, Mapping):
            report(position, "households", None, None, "户应为对象 a household is an object")
            tops.append({})
            continue
        top: dict[str, Any] = {}
        for key, value in household.items():
            if key in rows:
                if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                    report(position, key, None, None, "应为对象列表 a list of objects is expected")
                    continue
                items, places, numbers = rows[key]
                items.extend(value)
                places.extend([position] * len(value))
                numbers.extend(range(1, len(value) + 1))
            else:
                top[ALIASES.get(key, key)] = value
        tops.append(top)
        name = top.get("household_id")
        if name is None or name == "":
            report(position, "households", None, "household_id", "缺少户编号 household_id is missing")
        elif not isinstance(name, str) or len(name) > LONGEST_ID:
            report(
                position,
                "households",
                None,
                "household_id",
                f"应为文本，最多 {LONGEST_ID} 个字符 text of at most {LONGEST_ID} characters is expected",
            )
        elif name in seen:
            report(position, "households", None, "household_id", "户重复 the household stands in the request twice")
        else:
            seen.add(name)
        village = top.get("village_code")
        if isinstance(village, str) and village and not VILLAGE_CODE.fullmatch(village):
            report(position, "households", None, "village_code", "应为12位数字 12 digits are expected")

    words: dict[tuple[str, str], list[str]] = {}
    members: dict[tuple[int, str], int] = {}
    indicator_index = {indicator.name: i for i, indicator in enumerate(info.indicators)}
    today = day(as_of)

    def encode(schema: Table, items: list[Mapping[str, Any]], places: list[int], numbers: Sequence[int | None]) -> TableArrays:
        declared = _DECLARED[schema.name]
        present = set().union(*items)
        for extra in sorted(present - declared.keys() - {"household_id"}, key=str):
            for item, position, number in zip(items, places, numbers, strict=True):
                if extra in item:
                    report(position, schema.name, number, str(extra), "未知字段 unknown field")
        columns: dict[str, Array] = {}
        now = np.full(len(items), today, dtype=np.int32)
        for name, column in declared.items():
            defaulted = name in DEFAULTED
            if name not in present:
                if defaulted:
                    columns[name] = now
                    continue
                if not column.required:
                    continue
            cells = [item.get(name) for item in items]
            if defaulted:
                cells = [as_of if cell is None else cell for cell in cells]

            def say(row: int, reason: str, name: str = name) -> None:
                report(places[row], schema.name, numbers[row], name, reason)

            if column.kind in (Kind.ID, Kind.TEXT):
                columns[name] = index_texts(schema, column, cells, places, say)
            else:
                columns[name] = encode_cells(column, cells, say)
            if name in PAST:
                for row in _late(columns[name], today):
                    say(row, f"晚于统计时点 after as_of {as_of}")
        if schema.name == "members" and "birth_year" in columns:
            for row in (columns["birth_year"] > as_of.year).nonzero()[0].tolist():
                report(places[row], "members", numbers[row], "birth_year", f"晚于统计时点 {as_of} after as_of")
        if schema.name == "incomes":
            for row in (columns["period_end"] < columns["period_start"] + 2).nonzero()[0].tolist():
                report(
                    places[row],
                    "incomes",
                    numbers[row],
                    "period_end",
                    "期间不得短于一个季度 a period is a quarter or longer",
                )
            month = (as_of.year - 1970) * 12 + as_of.month - 1
            for row in _late(columns["period_end"], month):
                report(places[row], "incomes", numbers[row], "period_end", f"晚于统计时点 after as_of {as_of}")

        def contradict(earlier: Array, later: Array) -> None:
            for one, other in zip(earlier.tolist(), later.tolist(), strict=True):
                if differing := difference(columns, one, other):
                    both = f"{schema.name}[{(numbers[one] or 1) - 1}] 与 and {schema.name}[{(numbers[other] or 1) - 1}]"
                    reason = f"{both} 说的是同一事项、同一日期，内容却不同 tell one thing of one day differently"
                    reason += "; 请合并或只保留一行 add them up or keep one"
                    report(places[other], schema.name, numbers[other], differing, reason)

        return assemble(schema, np.array(places, dtype=np.int32), columns, contradict if len(items) > 1 else None)

    def index_texts(schema: Table, column: Column, cells: list[Any], places: list[int], say: Callable[[int, str], None]) -> Array:
        encoded = np.full(len(cells), -1, dtype=np.int32)
        index: dict[str, int] = {}
        for row, cell in enumerate(cells):
            if cell is None or cell == "":
                if column.required:
                    say(row, f"缺少 {column.zh} {column.name} is missing")
            elif not isinstance(cell, str) or len(cell) > LONGEST_ID:
                say(row, f"应为文本，最多 {LONGEST_ID} 个字符 text of at most {LONGEST_ID} characters is expected")
            elif column.name == "member_id":
                encoded[row] = members.setdefault((places[row], cell), len(members))
            elif schema.name == "indicators":
                encoded[row] = indicator_index.get(cell, -1)
                if encoded[row] < 0:
                    say(row, f"{cell!r} 本模型没有该指标 is not an indicator of this model")
            else:
                encoded[row] = index.setdefault(cell, len(index))
        words[schema.name, column.name] = list(index)
        return encoded

    tables = dict(_EMPTY)
    tables["households"] = encode(TABLES["households"], tops, list(range(len(tops))), [None] * len(tops))
    for name in SCORED_TABLES:
        items, places, numbers = rows[name]
        if items:
            tables[name] = encode(TABLES[name], items, places, numbers)
    ids = np.array([str(top.get("household_id", "")) for top in tops], dtype=np.str_)
    return Register(ids, tables, words, info), problems


def _late(when: Array, latest: int) -> list[int]:
    """The rows that lie after a day, or a month."""
    rows: list[int] = ((when > latest) & (when != NEVER)).nonzero()[0].tolist()
    return rows
