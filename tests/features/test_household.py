"""What a scoring request may say, and what is answered when it says something else."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import build
from features.household import from_nested
from features.policy.shipped import load
from tests.features.generated import INFO

AS_OF = dt.date(2021, 12, 31)
GOOD: dict[str, Any] = {
    "household_id": "a",
    "village_code": "520523100001",
    "status": "ordinary",
    "sharing_size": 3,
    "members": [{"member_id": "1", "birth_year": 1970, "labour_ability": "普通劳动力"}],
    "incomes": [{"source": "wage", "period_start": "2021-01", "period_end": "2021-12", "amount": 24000, "known_on": "2021-12-31"}],
}


def problems_of(**changes: Any) -> list[tuple[str, int | None, str | None]]:
    household = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    _, problems = from_nested([household], AS_OF, INFO)
    return [(problem.table, problem.row, problem.column) for problem in problems.get(0, [])]


def test_a_proper_household_has_no_problems_and_is_known_on_the_day() -> None:
    register, problems = from_nested([GOOD], AS_OF)
    assert problems == {}
    frame = build(register, AS_OF, load(synthetic=True))
    assert frame.household_id.tolist() == ["a"]
    assert frame.facts.pc_net_income[0] == 8000


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"household_id": ...}, ("households", None, "household_id")),
        ({"household_id": 7}, ("households", None, "household_id")),
        ({"village_code": "52"}, ("households", None, "village_code")),
        ({"village_code": "520523１０１００１"}, ("households", None, "village_code")),
        ({"village_code": ...}, ("households", None, "village_code")),
        ({"status": "rich"}, ("households", None, "registry_status")),
        ({"status": ...}, ("households", None, "registry_status")),
        ({"sharing_size": 0}, ("households", None, "sharing_size")),
        ({"wishes_heard_on": "2999-01-01"}, ("households", None, "wishes_heard_on")),
        ({"dibao_tier": "a"}, ("households", None, "dibao_tier")),
        ({"expected_exit_year": "soon"}, ("households", None, "expected_exit_year")),
        ({"sharing_size": 2.5}, ("households", None, "sharing_size")),
        ({"hukou_size": "3.1"}, ("households", None, "hukou_size")),
        ({"members": [{"member_id": "1", "birth_year": 2022}]}, ("members", 1, "birth_year")),
        ({"sharing_size": True}, ("households", None, "sharing_size")),
        ({"sharing_size": math.nan}, ("households", None, "sharing_size")),
        ({"sharing_size": 10**400}, ("households", None, "sharing_size")),
        ({"happiness": 3}, ("households", None, "happiness")),
        ({"members": "none"}, ("members", None, None)),
        ({"members": [3]}, ("members", None, None)),
        ({"members": [{"birth_year": 1970}]}, ("members", 1, "member_id")),
        ({"members": [{"member_id": "1", "birth_year": 1870}]}, ("members", 1, "birth_year")),
        ({"members": [{"member_id": "1", "chronic_disease": "maybe"}]}, ("members", 1, "chronic_disease")),
        ({"members": [{"member_id": "1", "known_on": "2022-01-01"}]}, ("members", 1, "known_on")),
        ({"members": [{"member_id": "1", "known_on": "20220101x"}]}, ("members", 1, "known_on")),
        ({"incomes": [{"source": "wage", "period_start": "2021-01", "period_end": "2021-02", "amount": 1}]}, ("incomes", 1, "period_end")),
        ({"incomes": [{"source": "wage", "period_start": "2021-1", "period_end": "2021-12"}]}, ("incomes", 1, "period_start")),
        ({"incomes": [{"source": "wage", "period_start": "2021-+1", "period_end": "2021-12"}]}, ("incomes", 1, "period_start")),
        ({"incomes": [{"source": "wage", "period_start": "2021-01", "period_end": "2021-12", "amount": 1e9}]}, ("incomes", 1, "amount")),
        ({"incomes": [{"source": "wage", "period_start": "2021-01", "period_end": "2021-12", "amount": -1e9}]}, ("incomes", 1, "amount")),
        ({"debts": [{"lender": "bank", "balance": math.inf}]}, ("debts", 1, "balance")),
        ({"events": [{"event_kind": "illness_bill", "occurred_on": "2022-01-05"}]}, ("events", 1, "occurred_on")),
        ({"indicators": [{"name": "luck", "value": 1}]}, ("indicators", 1, "name")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_field(changes: dict[str, Any], where: tuple[str, int | None, str]) -> None:
    assert where in problems_of(**changes)


WAGE = GOOD["incomes"][0]
MEMBER = GOOD["members"][0]
BILL = {"event_id": "e1", "event_kind": "illness_bill", "occurred_on": "2021-05-01", "amount": 5000}


@pytest.mark.parametrize(
    ("table", "first", "second", "column"),
    [
        ("incomes", WAGE, WAGE | {"amount": 3000}, "amount"),
        ("members", MEMBER, MEMBER | {"birth_year": 1990}, "birth_year"),
        ("events", BILL, BILL | {"amount": 70}, "amount"),
        ("debts", {"lender": "bank", "balance": 1000}, {"lender": "bank", "balance": 2000}, "balance"),
        ("living", {"farmland": 3}, {"farmland": 4}, "farmland"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_two_rows_that_contradict_each_other_are_both_named(
    table: str, first: dict[str, Any], second: dict[str, Any], column: str, turned: bool
) -> None:
    """Whichever comes last, neither is dropped without a word; a row in between does not hide them from each other."""
    between = {"incomes": [WAGE | {"source": "business"}]}.get(table, [])
    rows = [second, *between, first] if turned else [first, *between, second]
    _, problems = from_nested([GOOD | {table: rows}], AS_OF)
    (told,) = problems[0]
    assert (told.table, told.row, told.column) == (table, len(rows), column)
    assert f"{table}[0]" in told.reason
    assert f"{table}[{len(rows) - 1}]" in told.reason


def test_a_row_said_twice_counts_once_and_a_correction_is_no_contradiction() -> None:
    later = {"incomes": [WAGE | {"known_on": "2021-12-01", "amount": 1}, WAGE]}
    for rows in ({"incomes": [WAGE, dict(WAGE)]}, later, {"members": [MEMBER, dict(MEMBER)]}):
        register, problems = from_nested([GOOD | rows], AS_OF)
        assert problems == {}
        assert build(register, AS_OF, load(synthetic=True)).facts.pc_net_income[0] == 8000


def test_events_without_a_number_are_each_their_own() -> None:
    unnumbered = {name: value for name, value in BILL.items() if name != "event_id"}
    assert problems_of(events=[unnumbered, unnumbered | {"amount": 70}]) == []


def test_a_household_that_stands_twice_is_named() -> None:
    _, problems = from_nested([GOOD, GOOD], AS_OF)
    assert list(problems) == [1]


def test_problems_keep_to_their_household() -> None:
    broken = GOOD | {"household_id": "b", "sharing_size": -1}
    last = GOOD | {"household_id": "c"}
    register, problems = from_nested([GOOD, broken, last], AS_OF)
    assert list(problems) == [1]
    assert problems[1][0].household_id == "b"
    assert register.household_id.tolist() == ["a", "b", "c"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x", "source", "known_on"]), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, min_size=1, max_size=3), st.dictionaries(st.sampled_from(list(GOOD)), JSON, max_size=3))
@settings(max_examples=80, deadline=None)
def test_no_json_whatever_makes_the_encoder_stumble(garbage: list[Any], changes: dict[str, Any]) -> None:
    households = [*garbage, GOOD | changes]
    register, problems = from_nested(households, AS_OF, INFO)
    assert len(register) == len(households)
    for position, household in enumerate(households):
        if not isinstance(household, dict):
            assert position in problems
    build(register, AS_OF, load(synthetic=True))
