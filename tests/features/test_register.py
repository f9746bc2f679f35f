"""Which row of a thing counts on a day, against the rule written as plainly as it can be."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.register import MANY_ROWS, assemble, day, last_full_month
from features.tables import TABLES
from tests.features.generated import Row, register, rows

# By which cell a row is told from every other row of its table.
MARKS = {
    "households": "weight",
    "members": "birth_year",
    "living": "farmland",
    "employment": "monthly_wage",
    "incomes": "amount",
    "debts": "balance",
    "events": "amount",
    "measures": "amount",
    "visits": "probability",
    "indicators": "value",
}


def current_marks(table: str, made: list[Row], as_of: dt.date) -> set[float]:
    """Of each thing, among the rows that count by the day, the one latest in validity, then in knowledge, then in the file."""
    schema = TABLES[table]
    things: dict[object, list[tuple[dt.date, dt.date, int, float]]] = defaultdict(list)
    for place, row in enumerate(made):
        valid = row[schema.valid] if schema.valid else dt.date.min
        if max(valid, row["known_on"]) <= as_of:
            thing = (row["household_id"], *(row[name] for name in schema.entity))
            if table == "events" and row["event_id"] is None:
                thing = (place,)
            things[thing].append((valid, row["known_on"], place, row[MARKS[table]]))
    return {max(versions)[-1] for versions in things.values()}


@pytest.mark.parametrize("table", MARKS)
@given(seed=st.integers(0, 2**32 - 1), offset=st.integers(0, 2200))
@settings(max_examples=10, deadline=None)
def test_the_row_that_counts_is_the_latest_valid_then_latest_known(table: str, seed: int, offset: int) -> None:
    random = Random(seed)
    made = rows(random, ("h1", "h2"), 9, (table,))
    column = TABLES[table].column(MARKS[table])
    low, step = column.low or 0.0, 1 if column.whole else 1 / 128  # small and exact
    for place, row in enumerate(made[table]):
        row[MARKS[table]] = low + place * step
    if table != "households":
        made["households"] = [row for name in ("h1", "h2") for row in _one_household(random, name)]
    as_of = dt.date(2018, 1, 1) + dt.timedelta(days=offset)
    seen = register(made).at(as_of)[table][MARKS[table]]
    assert sorted(seen) == sorted(current_marks(table, made[table], as_of))


def _one_household(random: Random, name: str) -> list[Row]:
    while True:
        if made := rows(random, (name,), 1, ("households",))["households"]:
            return made


def test_a_later_state_replaces_an_earlier_one_only_when_it_is_known() -> None:
    random = Random(1)
    household = _one_household(random, "h1")[0] | {"valid_from": dt.date(2018, 1, 1), "known_on": dt.date(2018, 1, 1)}
    able = {column.name: None for column in TABLES["members"].columns} | {
        "household_id": "h1", "member_id": "m1", "labour_ability": "ordinary",
        "valid_from": dt.date(2019, 1, 1), "known_on": dt.date(2019, 1, 20),
    }  # fmt: skip
    lost = able | {"labour_ability": "lost", "valid_from": dt.date(2021, 6, 5), "known_on": dt.date(2021, 8, 1)}
    known = register({"households": [household], "members": [able, lost]})
    codes = TABLES["members"].column("labour_ability").codes
    for as_of, expected in ((dt.date(2021, 7, 1), "ordinary"), (dt.date(2021, 7, 31), "ordinary"), (dt.date(2021, 8, 1), "lost")):
        assert [codes[code] for code in known.at(as_of)["members"]["labour_ability"]] == [expected]


def test_a_correction_of_the_past_does_not_undo_a_later_change() -> None:
    random = Random(1)
    first = _one_household(random, "h1")[0] | {"sharing_size": 3.0, "valid_from": dt.date(2018, 1, 1), "known_on": dt.date(2018, 1, 1)}
    change = first | {"sharing_size": 4.0, "valid_from": dt.date(2020, 1, 1), "known_on": dt.date(2020, 1, 5)}
    correction = first | {"sharing_size": 2.0, "known_on": dt.date(2020, 6, 1)}
    known = register({"households": [first, change, correction]})
    assert known.at(dt.date(2020, 12, 31))["households"]["sharing_size"].tolist() == [4.0]


def test_selected_households_keep_their_rows_and_order() -> None:
    random = Random(3)
    made = rows(random, ("h1", "h2", "h3"), 5)
    made["households"] = [row for name in ("h1", "h2", "h3") for row in _one_household(random, name)]
    known = register(made)
    part = known.select(np.array([True, False, True]))
    assert part.household_id.tolist() == ["h1", "h3"]
    for name, table in part.tables.items():
        whole = known.tables[name]
        kept = whole.household != 1
        assert np.array_equal(table.household, np.where(whole.household[kept] == 2, 1, 0))
        for column, values in table.columns.items():
            assert np.array_equal(values, whole.columns[column][kept], equal_nan=True)


def test_days_and_months_count_from_1970() -> None:
    assert day(dt.date(1970, 1, 1)) == 0
    assert last_full_month(dt.date(2021, 12, 31)) == 51 * 12 + 11
    assert last_full_month(dt.date(2021, 12, 30)) == 51 * 12 + 10


@pytest.mark.parametrize("widest", [40, 2**31 - 1])
def test_many_rows_stand_in_the_same_order_as_few(widest: int) -> None:
    random = np.random.default_rng(3)
    household = random.integers(0, 500, MANY_ROWS + 1).astype(np.int32)
    names = ("member_id", "start_date", "end_date", "known_on")
    columns = {name: random.choice([-1, 0, 5, 6, widest], len(household)).astype(np.int32) for name in names}
    columns["monthly_wage"] = np.arange(len(household), dtype=np.float64)  # tells equal rows apart
    order = np.lexsort((columns["known_on"], columns["start_date"], columns["member_id"], household))
    table = assemble(TABLES["employment"], household, columns)
    assert np.array_equal(table.household, household[order])
    assert np.array_equal(table.columns["monthly_wage"], columns["monthly_wage"][order])
