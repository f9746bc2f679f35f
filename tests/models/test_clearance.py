"""Falling back after the monitoring was ended: who is counted in which year, and when nothing is said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from features.build import build, look
from features.policy.shipped import load
from features.register import Register
from models.clearance import FEWEST, TOO_FEW, observed, report, share
from models.replay import state
from tests.features.policy import cases
from tests.models.county import plain_model

JINSHA, DAY = "520523", dt.date(2023, 12, 31)


def decision(identified: dt.date, eliminated: dt.date | None, **more: Any) -> dict[str, Any]:
    kind = "by_help" if eliminated else None
    return {
        "identified_on": identified,
        "eliminated_on": eliminated,
        "elimination_kind": kind,
        "category": "edge_prone",
        "known_on": DAY,
        **more,
    }


def county(again: int, quiet: int, income: float = 9000) -> Register:
    """Households eliminated on 2021-06-20, of which some were identified again on 2022-09-01."""
    ended = decision(dt.date(2020, 6, 1), dt.date(2021, 6, 20))
    back = decision(dt.date(2022, 9, 1), None)
    said = [[ended, back]] * again + [[ended]] * quiet
    return cases.register(*(cases.rows({"income": income, "monitoring": one}, JINSHA, DAY, f"h{at:03d}") for at, one in enumerate(said)))


def told(register: Register, year: int, outcome: str, day: dt.date = DAY) -> dict[str, Any]:
    rows = observed(register, day, load())
    return next(row for row in rows if (row["group"], row["year"], row["outcome"]) == ("all", year, outcome))


def test_identified_again_counts_in_the_year_in_which_it_was_and_not_after() -> None:
    register = county(10, 40)
    first, second, third = (told(register, year, "identified_again") for year in (1, 2, 3))
    assert (first["n"], first["events"]) == (50, 0)
    assert (second["n"], second["events"]) == (50, 10)
    assert second["low"] < 0.2 == second["share"] < second["high"]
    assert (third["n"], third["said"]) == (0, TOO_FEW)  # the third year has not ended
    later = told(register, 3, "identified_again", dt.date(2024, 6, 30))
    assert (later["n"], later["events"]) == (40, 0)  # whoever is monitored again has no third year


def test_what_came_after_the_day_is_not_known() -> None:
    assert told(county(10, 40), 2, "identified_again", dt.date(2023, 6, 19))["n"] == 0


def test_income_of_the_third_year_under_the_line_of_its_end() -> None:
    # incomes of the cases reach from 2023-01 to 2023-12, so that an elimination in December 2020 has its third year in them
    ended = decision(dt.date(2020, 6, 1), dt.date(2020, 12, 20))
    incomes = [3000.0] * 12 + [9000.0] * 20 + [None] * 5
    register = cases.register(
        *(cases.rows({"income": one, "monitoring": [ended]}, JINSHA, DAY, f"h{at:03d}") for at, one in enumerate(incomes))
    )
    third = told(register, 3, "under_line")
    assert (third["n"], third["events"]) == (32, 12)
    assert told(register, 2, "under_line")["n"] == 0  # nobody knows what they earned then


def test_of_too_few_nothing_is_said() -> None:
    few = share(np.array([1.0] * (FEWEST - 1)))
    assert (few["share"], few["low"], few["said"]) == (None, None, TOO_FEW)
    assert share(np.array([1.0] * FEWEST))["share"] == 1.0
    wide, narrow = (share(np.array(([1.0] + [0.0] * 9) * times)) for times in (5, 50))
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]


def test_the_list_holds_who_is_not_monitored_now_with_todays_probability() -> None:
    register = county(10, 40)
    policy = load()
    now = state(look(register, DAY, policy), plain_model(build(register, DAY, policy)))
    said = report(register, DAY, policy, now)
    assert (said["eliminations"], said["households"], len(said["list"])) == (50, 40, 40)
    assert {row["household_id"] for row in said["list"]}.isdisjoint({str(one) for one in register.household_id[:10]})
    assert sum(said["tiers"].values()) == 40
    row = said["list"][0]
    assert row["years_since"] == pytest.approx(2.53, abs=0.01)
    assert row["eliminated_on"] == "2021-06-20"
    in_third = next(one for one in said["by_years_since"] if one["year"] == 3)
    assert in_third["scored"] == 40
    assert in_third["mean_probability"] is not None
    assert report(register, DAY, policy, now, where="610827")["list"] == []
