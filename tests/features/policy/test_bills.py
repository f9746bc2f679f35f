"""The bills of one patient through a year: layers in their order, deductibles once a year, and nothing below nought or above the bill."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import PolicyError
from features.policy.bills import Bill, groups, settled
from features.policy.shipped import load

JIAN, JINSHA = "360821", "520523"
MAY, JUNE, NEXT = dt.date(2017, 5, 1), dt.date(2017, 6, 1), dt.date(2018, 1, 1)


def test_after_the_third_layer_of_jian_a_tenth_remains_in_the_list_and_a_fifth_outside() -> None:
    (done,) = settled(load(), JIAN, "registered", [Bill(MAY, 30_000, 2_000)])
    left = 30_000 - done.layers["basic"] - done.layers["serious_illness"]
    assert done.layers["commercial"] == pytest.approx(left * 0.9 + 2_000 * 0.8)
    assert done.left_in_list == pytest.approx(left * 0.1 - done.layers["assistance"])
    assert done.left - done.left_in_list == pytest.approx(2_000 * 0.2)


def test_the_halved_deductible_is_taken_once_a_year_and_again_in_the_next() -> None:
    first, second, later = settled(load(), JIAN, "registered", [Bill(day, 30_000, 0) for day in (MAY, JUNE, NEXT)])
    layer = first.scheme.layers[1]
    assert layer.terms["registered"].deductible == layer.terms["ordinary"].deductible / 2
    paid = [done.layers["serious_illness"] for done in (first, second, later)]
    assert paid[1] - paid[0] == pytest.approx(layer.terms["registered"].deductible * layer.terms["registered"].rate)
    assert paid[2] == paid[0]


def test_what_was_borne_before_is_not_taken_again() -> None:
    first, second = settled(load(), JIAN, "registered", [Bill(MAY, 30_000, 0), Bill(JUNE, 30_000, 0)])
    (alone,) = settled(load(), JIAN, "registered", [Bill(JUNE, 30_000, 0)], borne=6_000)
    assert alone.layers == second.layers
    assert alone.left < first.left


def test_who_is_not_insured_bears_all_of_it() -> None:
    assert "uninsured" in groups(load(), JINSHA)
    (done,) = settled(load(), JINSHA, "uninsured", [Bill(MAY, 1_000, 500)])
    assert (done.left_in_list, done.left) == (1_000, 1_500)


yuan = st.floats(0, 1e6, allow_nan=False)
stays = st.lists(st.tuples(st.integers(0, 800), yuan, yuan), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(stays, st.sampled_from([JIAN, JINSHA, "450422"]), st.sampled_from(["registered", "ordinary", "uninsured"]), yuan)
def test_nobody_pays_less_than_nothing_or_more_than_the_bill(
    stays: list[tuple[int, float, float]], county: str, group: str, borne: float
) -> None:
    bills = [Bill(dt.date(2017, 1, 1) + dt.timedelta(days), in_list, outside) for days, in_list, outside in sorted(stays)]
    for done in settled(load(), county, group, bills, borne=borne):
        cost = done.bill.in_list + done.bill.outside
        assert 0 <= done.left_in_list <= done.left <= cost * (1 + 1e-12)
        assert all(paid >= 0 for paid in done.layers.values())
        assert sum(done.layers.values()) + done.left == pytest.approx(cost, rel=1e-9, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(yuan, yuan, st.floats(0, 1e5), st.sampled_from([JIAN, JINSHA]))
def test_a_larger_bill_never_leaves_less(in_list: float, outside: float, more: float, county: str) -> None:
    lefts = [settled(load(), county, "registered", [Bill(MAY, in_list + extra, outside)])[0].left for extra in (0.0, more)]
    assert lefts[1] >= lefts[0] - 1e-6


@pytest.mark.parametrize(
    ("county", "group", "bills", "fault"),
    [
        (JIAN, "rich", [Bill(MAY, 1, 0)], "'rich'.*registered, ordinary, uninsured"),
        (JIAN, "registered", [Bill(JUNE, 1, 0), Bill(MAY, 1, 0)], "bill 2 of 2017-05-01 lies before"),
        (JIAN, "registered", [Bill(MAY, -1, 0)], "bill 1: amounts"),
        (JIAN, "registered", [Bill(dt.date(2031, 1, 1), 1, 0)], "2015-01-01 – 2026-01-01"),
        (JIAN, "registered", [Bill(dt.date(2010, 1, 1), 1, 0)], "2015-01-01"),
    ],
)
def test_what_cannot_be_settled_is_refused_with_what_can(county: str, group: str, bills: list[Bill], fault: str) -> None:
    with pytest.raises(PolicyError, match=fault):
        settled(load(), county, group, bills)
