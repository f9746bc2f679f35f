"""The smallest lawful help: searched wholly, smallest and then cheapest first, and never with an amount that nobody wrote down."""

from __future__ import annotations

import datetime as dt
from itertools import combinations
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.codes import code
from models.remedy import NOTHING, REACHES, RESTS, Help, lawful, report, smallest
from models.scenario import with_rows
from tests.features.policy import cases

TENG, JINSHA, DAY = "450422", "520523", dt.date(2023, 6, 30)


def gives(name: str, low: float, high: float | None = None, **more: Any) -> Help:
    return Help(name, name, "benefit", low, low if high is None else high, "", "sourced", **more)


UNKNOWN = Help("employment", "就业帮扶", "measure", 0.0, np.inf, "", "sourced", missing=("金额",))


def named(helps: tuple[Help, ...]) -> list[str]:
    return sorted(one.name for one in helps)


def test_fewer_come_before_cheaper_and_cheaper_before_dearer() -> None:
    helps = [gives("a", 600), gives("b", 500), gives("c", 1200), gives("d", 1100)]
    assert named(smallest(1000, helps).chosen) == ["d"]
    assert named(smallest(1500, helps).chosen) == ["b", "d"]
    assert smallest(1500, helps).verdict == REACHES
    assert smallest(1500, helps).low == 1600


def test_of_two_that_exclude_each_other_never_both() -> None:
    helps = [gives("dibao", 600), gives("support", 700, instead_of=("dibao",))]
    assert smallest(1000, helps).verdict == NOTHING
    assert smallest(1000, helps).short == 300


def test_what_tops_income_up_is_not_added_to_what_fills_it_already() -> None:
    helps = [gives("pension", 600), gives("dibao", 700, shrinks=True)]
    assert smallest(1200, helps).verdict == RESTS  # it may bring 1,300, for certain 700
    assert smallest(700, helps).verdict == REACHES


def test_an_amount_that_nobody_wrote_down_reaches_nothing_for_certain() -> None:
    found = smallest(1000, [gives("pension", 900), UNKNOWN])
    assert (found.verdict, named(found.chosen), found.short) == (RESTS, ["employment"], 1000)
    assert found.chosen[0].to_json()["yuan_high"] is None
    assert smallest(800, [gives("pension", 900), UNKNOWN]).verdict == REACHES


def test_without_any_lawful_help_all_of_it_is_short() -> None:
    found = smallest(1000, [])
    assert (found.verdict, found.chosen, found.short) == (NOTHING, (), 1000)


@given(st.lists(st.integers(0, 900), max_size=6), st.integers(1, 2500))
def test_no_smaller_and_no_cheaper_set_reaches_it(amounts: list[int], missing: int) -> None:
    helps = [gives(f"h{at}", amount) for at, amount in enumerate(amounts)]
    found = smallest(missing, helps)
    sets = [one for size in range(len(helps) + 1) for one in combinations(helps, size)]
    reaching = [(len(one), sum(help_.low for help_ in one)) for one in sets if sum(help_.low for help_ in one) >= missing]
    if found.verdict == REACHES:
        assert (len(found.chosen), found.low) == min(reaching)
    else:
        assert not reaching
        assert found.short == missing - sum(amounts)


def household(income: float, **more: Any) -> dict[str, Any]:
    old = {"birth_year": 1950, "pension_receiving": False, "labour_ability": "none", "relation_to_head": "head"}
    return {"status": "ordinary", "income": income, "sharing_size": 1, "members": [old], **more}


def remedy(*households: dict[str, Any], county: str = JINSHA) -> dict[str, Any]:
    rows = [cases.rows(one, county, DAY, f"h{at}") for at, one in enumerate(households)]
    return report(cases.judged(cases.register(*rows), DAY), "monitoring_line")


def test_a_pension_that_is_owed_lifts_who_lacks_less_than_it() -> None:
    said = remedy(household(6500), household(3000), household(9000), household(None))  # type: ignore[arg-type]
    assert (said["households"], said["under"], said["not_evaluable"]) == (4, 2, 1)
    near, far = said["list"]
    assert (near["verdict"], [one["name"] for one in near["measures"]], near["yuan_low"]) == (REACHES, ["pension"], 103 * 12)
    assert near["missing_yuan"] == 800
    assert far["verdict"] != REACHES
    assert far["short_yuan"] > 0
    assert said["yearly_yuan_of_sets_that_reach"] == 103 * 12


def test_what_lifts_a_household_does_so_when_it_is_paid() -> None:
    judged = cases.judged(cases.register(cases.rows(household(6500), JINSHA, DAY)), DAY)
    (told,) = report(judged, "monitoring_line")["list"]
    wages = judged.seen["incomes"]
    paid = {name: wages[name] for name in ("period_start", "period_end", "known_on")}
    paid |= {"source": np.array([code("incomes", "source", "transfer_policy")]), "amount": np.array([told["yuan_low"]])}
    after = with_rows(judged.seen.register, "incomes", np.array([0], dtype=np.int32), paid)
    assert report(cases.judged(after, DAY), "monitoring_line")["under"] == 0
    less = with_rows(
        judged.seen.register, "incomes", np.array([0], dtype=np.int32), paid | {"amount": np.array([told["missing_yuan"] - 1])}
    )
    assert report(cases.judged(less, DAY), "monitoring_line")["under"] == 1


def test_where_the_amount_stands_is_told_with_its_grade() -> None:
    (told,) = remedy(household(6500))["list"]
    assert "2023-01-01" in told["measures"][0]["reference"]
    assert "(memory)" in told["measures"][0]["reference"]


def test_who_receives_it_already_is_not_given_it_twice() -> None:
    one = household(6500)
    one["members"][0] |= {"pension_receiving": True, "dibao": True, "extreme_poverty_support": False}
    (told,) = remedy(one)["list"]
    assert "pension" not in [help_["name"] for help_ in told["measures"]]


def test_the_unknown_dibao_line_of_a_county_is_not_invented() -> None:
    one = household(3000)
    one["members"][0] |= {"dibao": False, "extreme_poverty_support": False}
    (told,) = remedy(one)["list"]
    assert told["verdict"] == RESTS
    (dibao,) = (help_ for help_ in told["measures"] if help_["name"] == "dibao")
    assert dibao["yuan_high"] is None
    assert "农村低保标准（人均年收入）" in dibao["missing"]


def test_what_secures_and_what_goes_on_already_brings_no_further_income() -> None:
    able = {"birth_year": 1985, "labour_ability": "ordinary", "relation_to_head": "head", "medical_insured": False}
    one = {"status": "exited", "income": 5000, "sharing_size": 1, "members": [able]}
    risk = {"category": "unstable_exited", "identified_on": dt.date(2023, 1, 1), "risk_1": "unstable_job"}
    given_already = {"measure_kind": "employment", "start_date": dt.date(2023, 2, 1)}

    def kinds(**more: Any) -> set[str]:
        judged = cases.judged(cases.register(cases.rows(one | {"monitoring": [risk]} | more, JINSHA, DAY)), DAY)
        return {help_.name for help_ in lawful(judged, 0) if help_.kind == "measure"}

    assert kinds() == {"employment", "public_post"}  # and neither health, which the missing insurance calls for
    assert kinds(measures=[given_already]) == {"public_post"}
