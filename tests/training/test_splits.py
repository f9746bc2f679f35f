"""Splits: no outcome of fitting reaches into calibration, none of calibration into the test."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.labels import shift
from training.splits import TooLittleError, held_out, split

FIRST = dt.date(2016, 12, 31)


@given(st.integers(min_value=24, max_value=96).map(lambda months: months // 3 * 3), st.sampled_from([3, 6, 12]), st.integers(0, 4))
def test_outcomes_never_overlap_whatever_is_known_how_late(months: int, step: int, late: int) -> None:
    test = shift(FIRST, months)
    complete_from = shift(test, -12 - 3 * late)
    try:
        dates = split(FIRST, test, step_months=step, complete=lambda date: float(date <= complete_from))
    except TooLittleError:
        return
    assert shift(dates.fit[-1], 12) <= dates.calibrate
    assert shift(dates.calibrate, 12) <= dates.test
    assert dates.calibrate <= complete_from
    assert list(dates.fit) == sorted(dates.fit)
    assert dates.fit[0] >= FIRST


def test_the_latest_complete_date_calibrates() -> None:
    dates = split(FIRST, dt.date(2023, 12, 31), complete=lambda date: float(date <= dt.date(2022, 9, 30)))
    assert dates.calibrate == dt.date(2022, 9, 30)
    assert dates.fit[-1] == dt.date(2021, 9, 30)


def test_too_short_a_history_is_refused_with_what_is_needed() -> None:
    with pytest.raises(TooLittleError, match="37"):
        split(FIRST, dt.date(2018, 9, 30))


def test_about_a_fifth_of_the_households_is_held_out_and_always_the_same() -> None:
    names = [f"household-{i}" for i in range(5000)]
    away = held_out(names, seed=3)
    assert 0.17 < away.mean() < 0.23
    assert (away == held_out(names, seed=3)).all()
    assert (away[:100] == held_out(names[:100], seed=3)).all()
    assert (away != held_out(names, seed=4)).any()
