"""The whole leakage defence: what was not known on the day changes nothing."""

from __future__ import annotations

import datetime as dt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import build
from features.policy.shipped import load
from features.tables import TABLES
from tests.features.generated import FIRST_DAY, LAST_DAY, Rows, joined, register, rows, same, some_day

POLICY = load(synthetic=True)
HOUSEHOLDS = ("h1", "h2", "h3")
SEEDS = st.integers(0, 2**32 - 1)
AS_OFS = st.sampled_from([dt.date(2020, 3, 31), dt.date(2021, 6, 30), dt.date(2021, 12, 31), dt.date(2022, 7, 14)])


def known_between(random: Random, made: Rows, first: dt.date, last: dt.date) -> Rows:
    """The rows with their day of knowledge moved into a range."""
    return {name: [{**row, "known_on": some_day(random, first, last)} for row in table] for name, table in made.items()}


def early_and_late(seed: int, as_of: dt.date, tables: tuple[str, ...] = tuple(TABLES)) -> tuple[Rows, Rows, Rows]:
    """What is known by the day, and two different sets of rows learned after it (new things, corrections, new households)."""
    random = Random(seed)
    early = known_between(random, rows(random, HOUSEHOLDS, 4), FIRST_DAY, as_of)
    early["households"] += known_between(random, rows(random, HOUSEHOLDS, 1, ("households",)), FIRST_DAY, as_of)["households"]
    after = as_of + dt.timedelta(days=1)
    registered = sorted({row["household_id"] for row in early["households"]})
    if not registered:
        early, registered = {name: [] for name in TABLES}, []
    else:
        early = {name: [row for row in table if row["household_id"] in registered] for name, table in early.items()}
    one = known_between(random, rows(random, registered, 3, tables), after, LAST_DAY)
    two = known_between(random, rows(random, [*registered], 3, tables), after, LAST_DAY)
    if "households" in tables:
        newcomers = known_between(random, rows(random, ["h8", "h9"], 2, ("households",)), after, LAST_DAY)
        two["households"] = two["households"] + newcomers["households"]
    return early, one, two


@given(SEEDS, AS_OFS)
@settings(max_examples=40, deadline=None)
def test_rows_learned_after_the_day_change_no_feature(seed: int, as_of: dt.date) -> None:
    early, one, two = early_and_late(seed, as_of)
    registers = [register(joined(early, late)) for late in ({}, one, two)]
    frames = [build(known, as_of, POLICY) for known in registers]
    assert same(frames[0], frames[1], registers[0], registers[1]) == []
    assert same(frames[0], frames[2], registers[0], registers[2]) == []


@pytest.mark.parametrize("table", TABLES)
@given(seed=SEEDS, as_of=AS_OFS)
@settings(max_examples=8, deadline=None)
def test_no_single_table_lets_later_knowledge_through(table: str, seed: int, as_of: dt.date) -> None:
    early, one, two = early_and_late(seed, as_of, (table,))
    without, with_rows = register(joined(early, one)), register(joined(early, two))
    frames = build(without, as_of, POLICY), build(with_rows, as_of, POLICY)
    assert same(*frames, without, with_rows) == []


@pytest.mark.parametrize("table", sorted(set(TABLES) - {"measures", "benefits", "visits", "findings"}))
def test_rows_known_in_time_do_change_features(table: str) -> None:
    """Else the properties above would hold of a function that looks at nothing."""
    as_of = dt.date(2021, 12, 31)
    changed = 0
    for seed in range(10):
        random = Random(seed)
        early, _, _ = early_and_late(seed, as_of)
        registered = sorted({row["household_id"] for row in early["households"]})
        more = known_between(random, rows(random, registered, 3, (table,)), FIRST_DAY, as_of)
        before, after = register(early), register(joined(early, more))
        changed += bool(same(build(before, as_of, POLICY), build(after, as_of, POLICY), before, after))
    assert changed > 0


@pytest.mark.parametrize("table", ["measures", "benefits", "visits", "findings"])
def test_help_visits_and_findings_are_never_looked_at(table: str) -> None:
    """They are what offices did and compared, not what the household is like."""
    as_of = dt.date(2021, 12, 31)
    for seed in range(10):
        random = Random(seed)
        early, _, _ = early_and_late(seed, as_of)
        more = known_between(random, rows(random, HOUSEHOLDS, 3, (table,)), FIRST_DAY, as_of)
        registered = {row["household_id"] for row in early["households"]}
        more[table] = [row for row in more[table] if row["household_id"] in registered]
        before, after = register(early), register(joined(early, more))
        assert same(build(before, as_of, POLICY), build(after, as_of, POLICY), before, after) == []


def test_the_monitoring_decision_is_a_fact_and_no_feature() -> None:
    as_of = dt.date(2021, 12, 31)
    for seed in range(10):
        random = Random(seed)
        early, _, _ = early_and_late(seed, as_of)
        registered = sorted({row["household_id"] for row in early["households"]})
        more = known_between(random, rows(random, registered, 3, ("monitoring",)), FIRST_DAY, as_of)
        before, after = register(early), register(joined(early, more))
        assert set(same(build(before, as_of, POLICY), build(after, as_of, POLICY), before, after)) <= {"facts.monitored"}
