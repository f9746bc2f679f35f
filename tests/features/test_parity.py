"""A household gives the same arrays and the same features whether it comes from a file or from JSON."""

from __future__ import annotations

import datetime as dt
import json
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import build
from features.household import PAST, SCORED_TABLES, from_nested
from features.policy.shipped import load
from features.register import Register
from features.tables import INCOME_SOURCES, TABLES, Kind
from tests.features.generated import INFO, VILLAGES, Rows, register, rows, same, some_day

AS_OF = dt.date(2021, 12, 31)
POLICY = load(synthetic=True)
SEEDS = st.integers(0, 2**32 - 1)


def a_few_households(seed: int, most: int = 4) -> Rows:
    """Households as a scoring request can hold them: one household row each, everything known by the day."""
    random = Random(seed)
    names = [f"h{i}" for i in range(random.randrange(1, 4))]
    made = rows(random, names, most, SCORED_TABLES)
    for table in made.values():
        for row in table:
            row["known_on"] = some_day(random, dt.date(2018, 1, 1), AS_OF)
    made["incomes"] = [row for row in made["incomes"] if row["period_end"] <= f"{AS_OF:%Y-%m}"]
    made["households"] = [
        row | {"household_id": name, "known_on": AS_OF, "valid_from": AS_OF}
        for name, row in zip(names, _household_rows(random, len(names)), strict=True)
    ]
    for table in made.values():
        for row in table:
            row |= {name: min(row[name], AS_OF) for name in PAST & row.keys() if row[name] is not None}
    return made


def _household_rows(random: Random, count: int) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    while len(made) < count:
        made += rows(random, ("x",), 2, ("households",))["households"]
    return made[:count]


def nested(made: Rows, shuffle: Random | None = None) -> list[dict[str, Any]]:
    """The same rows as a JSON request would carry them, through JSON itself."""
    households = []
    for row in made["households"]:
        household = {name: value for name, value in row.items() if value is not None}
        for table in SCORED_TABLES:
            mine = [
                {name: value for name, value in item.items() if name != "household_id" and value is not None}
                for item in made[table]
                if item["household_id"] == row["household_id"]
            ]
            if shuffle:
                shuffle.shuffle(mine)
            if mine:
                household[table] = mine
        households.append(household)
    return list(json.loads(json.dumps(households, default=dt.date.isoformat)))


def words(known: Register, table: str, column: str) -> list[Any]:
    """A column with texts behind their indexes."""
    values = known.tables[table].columns[column]
    if TABLES[table].column(column).kind not in (Kind.ID, Kind.TEXT):
        return [None if missing else value for value, missing in zip(values.tolist(), np.isnan(values), strict=True)]
    if column == "name":
        texts = [indicator.name for indicator in INFO.indicators]
    elif column == "member_id":
        return [place >= 0 for place in values]  # who is who is a matter of the household; which rows share a member is tested below
    else:
        texts = list(known.texts.get((table, column), ()))
    return [texts[place] if place >= 0 else None for place in values]


def row_order_free(made: Rows) -> None:
    """Leaves of two rows that say the same thing's state on the same days only one: a file may leave it to its order, a request may not."""
    for name in SCORED_TABLES:
        table = TABLES[name]
        key = ["household_id", "known_on", *table.entity, *([table.valid] if table.valid else [])]
        made[name] = list({tuple(row[part] for part in key): row for row in made[name]}.values())


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_file_and_json_give_the_same_features_to_the_last_bit(seed: int) -> None:
    made = a_few_households(seed)
    row_order_free(made)
    from_file = register(made)
    from_json, problems = from_nested(nested(made), AS_OF, INFO)
    assert problems == {}
    frames = build(from_file, AS_OF, POLICY), build(from_json, AS_OF, POLICY)
    assert same(*frames, from_file, from_json) == []


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_in_a_request_does_not_matter(seed: int) -> None:
    made = a_few_households(seed, 12)
    row_order_free(made)
    ordered, _ = from_nested(nested(made), AS_OF, INFO)
    shuffled, _ = from_nested(nested(made, Random(seed)), AS_OF, INFO)
    assert same(build(ordered, AS_OF, POLICY), build(shuffled, AS_OF, POLICY), ordered, shuffled) == []


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_one_household_alone_has_the_features_it_has_among_others(seed: int) -> None:
    made = a_few_households(seed)
    together = register(made)
    frame = build(together, AS_OF, POLICY)
    for place in range(len(together)):
        alone = together.select(np.arange(len(together)) == place)
        single = build(alone, AS_OF, POLICY)
        assert np.array_equal(single.values[0].view(np.int64), frame.values[place].view(np.int64))


def test_the_income_of_one_household_has_the_same_bits_alone_and_among_many() -> None:
    """Cents of six sources: in which order they are added shows in the last bit."""
    random = Random(5)
    many = [
        {
            "household_id": f"h{i}",
            "village_code": VILLAGES[0],
            "status": "ordinary",
            "sharing_size": 3,
            "incomes": [
                {
                    "source": source,
                    "period_start": f"{year}-{end - 2:02}",
                    "period_end": f"{year}-{end:02}",
                    "amount": random.randrange(10**6) / 100,
                }
                for source, _ in INCOME_SOURCES
                for year in (2020, 2021)
                for end in (3, 6, 9, 12)
            ],
        }
        for i in range(60)
    ]
    together = build(from_nested(many, AS_OF)[0], AS_OF, POLICY)
    assert np.isfinite(together.columns(("income_change",))).all()
    for place, household in enumerate(many):
        alone = build(from_nested([household], AS_OF)[0], AS_OF, POLICY)
        assert np.array_equal(alone.values[0].view(np.int64), together.values[place].view(np.int64))


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_file_and_json_encode_every_cell_alike(seed: int) -> None:
    made = a_few_households(seed)
    row_order_free(made)
    from_file = register(made)
    from_json, _ = from_nested(nested(made), AS_OF, INFO)
    for table in ("households", *SCORED_TABLES):
        schema = TABLES[table]
        columns = [column.name for column in schema.columns if column.name != "household_id"]
        cells = [
            sorted(zip(*[words(known, table, name) for name in columns], known.tables[table].household.tolist(), strict=True), key=repr)
            for known in (from_file, from_json)
        ]
        assert cells[0] == cells[1]
        if "member_id" in columns:
            counts = [_rows_by_member(known, table) for known in (from_file, from_json)]
            assert counts[0] == counts[1]


def _rows_by_member(known: Register, table: str) -> list[tuple[int, int]]:
    """How many rows each household's each named member has."""
    arrays = known.tables[table]
    pairs = [(int(h), int(m)) for h, m in zip(arrays.household, arrays.columns["member_id"], strict=True) if m >= 0]
    return sorted((household, pairs.count((household, member))) for household, member in set(pairs))
