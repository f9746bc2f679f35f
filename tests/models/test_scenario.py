"""Shocks are rows of a register: they strike where they should, are paid by policy, and what is not known stays unknown."""

from __future__ import annotations

import json

import numpy as np
import pytest

from features.build import build, features_of, look
from features.codes import code
from features.policy import formulas
from features.policy.bills import Bill as OneBill
from features.policy.bills import settled
from features.policy.registry import Policy
from features.policy.shipped import load
from features.register import Register
from features.seen import Seen
from models.bundle import Bundle
from models.replay import TESTS, Replay, replay, report
from models.scenario import NO_FARM, NO_JOB, NO_LINE, NO_WAGE, UNSETTLED, Bill, Hail, JobLoss, RaisedLine, Struck, codes, inside, strike
from tests.features.policy import cases
from tests.models.county import AS_OF, plain_model, small_county

JINSHA, MIZHI = "520523", "610827"
DAY = cases.dt.date(2023, 6, 30)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(synthetic=True)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return small_county(tmp_path_factory.mktemp("county") / "register")


@pytest.fixture(scope="module")
def seen(county: Register, policy: Policy) -> Seen:
    return look(county, AS_OF, policy)


@pytest.fixture(scope="module")
def model(county: Register, policy: Policy) -> Bundle:
    return plain_model(build(county, AS_OF, policy))


@pytest.fixture(scope="module")
def village(seen: Seen) -> str:
    """The village of most households."""
    return codes(seen.register)[int(np.bincount(seen.village[seen.village >= 0]).argmax())]


def play(seen: Seen, model: Bundle, shock: Bill | Hail | JobLoss | RaisedLine, where: str = "") -> Replay:
    return replay(seen.register, AS_OF, seen.policy, model, shock=shock, where=where)


def after(seen: Seen, struck: Struck) -> Seen:
    return look(struck.register, seen.as_of, struck.policy)


@pytest.mark.parametrize("shock", [Bill(30000), JobLoss(), Hail(0.6)])
def test_a_shock_in_one_village_changes_nobody_elsewhere(seen: Seen, village: str, shock: Bill | JobLoss | Hail) -> None:
    before, now = features_of(seen), features_of(after(seen, strike(seen, shock, village)))
    here = inside(seen, village)[before.position]
    assert 0 < here.sum() < len(here)
    same = (before.values == now.values) | (np.isnan(before.values) & np.isnan(now.values))
    assert same[~here].all()
    assert not same[here].all()


def test_a_shock_is_not_known_the_day_before(seen: Seen, policy: Policy) -> None:
    day_before = AS_OF - cases.dt.timedelta(days=1)
    for shock in (Bill(30000), JobLoss(), Hail(0.6), RaisedLine(500)):
        struck = strike(seen, shock)
        before, now = build(seen.register, day_before, policy), build(struck.register, day_before, struck.policy)
        assert np.array_equal(before.values, now.values, equal_nan=True)


def test_hail_takes_its_share_of_business_income_and_of_nothing_else(seen: Seen) -> None:
    struck = strike(seen, Hail(0.6))
    was, now = seen.accounts, after(seen, struck).accounts
    business = 1
    assert np.allclose(now.by_source[:, business], 0.4 * was.by_source[:, business], atol=0.01, equal_nan=True)
    others = [at for at in range(was.by_source.shape[1]) if at != business]
    assert np.array_equal(now.by_source[:, others], was.by_source[:, others], equal_nan=True)
    assert np.nanmin((was.net - now.net)[struck.hit]) > 0
    farmless = was.by_source[:, business] == 0
    assert farmless.any()
    assert not struck.hit[farmless].any()
    assert struck.spared[NO_FARM] == (inside(seen, "") & ~struck.hit).sum()


def test_a_lost_job_takes_its_part_of_the_wages_and_ends_one_spell(seen: Seen) -> None:
    struck = strike(seen, JobLoss())
    later = after(seen, struck)
    was, now = seen.accounts.by_source[:, 0], later.accounts.by_source[:, 0]
    assert (now[struck.hit] < was[struck.hit]).all()
    assert np.array_equal(now[~struck.hit], was[~struck.hit], equal_nan=True)
    current = [(view["employment"]["end_date"] > view.day).sum() for view in (seen, later)]
    assert current[0] - current[1] == struck.hit.sum() > 0
    half = after(seen, strike(seen, JobLoss(6))).accounts.by_source[:, 0]
    hit = struck.hit & (seen.accounts.covered >= 12)
    assert (half[hit] >= now[hit]).all()
    assert (half[hit] > now[hit]).mean() > 0.5  # whoever earned in the last half year only loses all of it either way


def test_a_job_lost_with_no_wage_on_record_changes_nothing_and_is_counted(seen: Seen) -> None:
    wages = seen["incomes"]["source"] == code("incomes", "source", "wage")
    paid = np.zeros(seen.n, dtype=bool)
    paid[seen["incomes"].household[wages & (seen["incomes"]["amount"] > 0)]] = True
    struck = strike(seen, JobLoss())
    before, now = features_of(seen), features_of(after(seen, struck))
    spared = ~struck.hit[before.position]
    assert np.array_equal(before.values[spared], now.values[spared], equal_nan=True)
    assert not (struck.hit & ~paid).any()
    assert struck.spared[NO_WAGE] >= (inside(seen, "") & ~paid).sum() > 0
    assert struck.spared[NO_WAGE] + struck.spared.get(NO_JOB, 0) == (~struck.hit & inside(seen, "")).sum()


def test_a_bill_of_an_insured_household_is_settled_by_the_countys_scheme() -> None:
    people = [{"relation_to_head": "head", "birth_year": 1975, "medical_insured": insured} for insured in (True, False, None)]
    status = ("exited", "exited", "exited")
    one = [
        cases.rows({"status": kind, "income": 9000, "members": [person]}, JINSHA, DAY, name)
        for name, kind, person in zip("abc", status, people, strict=True)
    ]
    ordinary = cases.rows({"status": "ordinary", "income": 9000, "members": [people[0]]}, JINSHA, DAY, "d")
    view = Seen(cases.register(*one, ordinary), DAY, load())
    struck = strike(view, Bill(30000, 2000))
    events = after(view, struck)["events"]
    left = [settled(load(), JINSHA, group, [OneBill(DAY, 28000, 2000)])[0] for group in ("registered", "uninsured", "ordinary")]
    expected = [left[0].left_in_list, left[1].left_in_list, np.nan, left[2].left_in_list]
    assert np.allclose(events["oop_compliant"], expected, atol=0.01, equal_nan=True)
    assert events["oop_compliant"][0] < events["oop_compliant"][3] < events["oop_compliant"][1] == 28000
    assert np.allclose(events["oop_self_reported"][:2], [left[0].left, 30000], atol=0.01)
    assert struck.noted == {UNSETTLED: 1}
    assert [one[:7] for one in struck.rests_on] == ["520523 "]
    assert "calibrated" in struck.rests_on[0]
    lived = [formulas.reference_income(side) for side in (view, after(view, struck))]
    assert np.allclose((lived[0].low - lived[1].high)[[0, 1, 3]], np.array(expected)[[0, 1, 3]], atol=0.02)
    assert lived[1].low[2] == -np.inf


def test_where_policy_has_no_scheme_what_is_left_of_a_bill_is_not_known() -> None:
    late = cases.dt.date(2026, 6, 30)  # after the last scheme has ended
    view = Seen(cases.register(cases.rows({"income": 9000}, JINSHA, late)), late, load())
    struck = strike(view, Bill(30000))
    assert struck.noted == {UNSETTLED: 1}
    assert struck.rests_on == ()
    assert np.isnan(after(view, struck)["events"]["oop_compliant"]).all()


def test_a_larger_bill_never_lowers_how_many_cross(seen: Seen, model: Bundle) -> None:
    smaller, larger = (play(seen, model, Bill(amount)) for amount in (30000, 90000))
    for test in TESTS:
        assert not (smaller.crosses[test] & ~larger.crosses[test]).any()
    assert (
        0 < smaller.crosses["reference_income_under_monitoring_line"].sum() < larger.crosses["reference_income_under_monitoring_line"].sum()
    )
    assert not smaller.crosses["net_income_under_monitoring_line"].any()  # a bill is no loss of income


def test_crossing_counts_only_who_was_above_before_and_is_under_after(seen: Seen, model: Bundle) -> None:
    done = play(seen, model, RaisedLine(500))
    income = formulas.pc_net_income(seen)[done.before.frame.position]
    line = done.before.frame.facts.monitoring_line
    expected = (income >= line) & (income < line + 500)
    assert np.array_equal(done.crosses["net_income_under_monitoring_line"], expected)
    assert expected.any()
    # the poverty line of synthetic counties follows from the other one
    assert np.allclose(done.after.frame.facts.poverty_line, (line + 500) / 1.5)
    scored = done.after.scores.state == "scored"
    assert done.after.scores.probability[scored].mean() > done.before.scores.probability[scored].mean()


def test_a_line_that_is_not_known_is_not_raised() -> None:
    view = Seen(cases.register(cases.rows({"income": 9000}, MIZHI, DAY)), DAY, load())
    struck = strike(view, RaisedLine(500))
    assert struck.spared == {NO_LINE: 1}
    assert np.isnan(after(view, struck).lines[1]).all()
    assert not struck.hit.any()


def test_the_report_adds_up_and_is_plain(seen: Seen, model: Bundle, village: str) -> None:
    done = play(seen, model, Hail(0.6), village[:9])
    said = json.loads(json.dumps(report(done, seen.register, model), allow_nan=False))
    for name in ("households", "struck", "crossing", "crossing_already_listed", "tier_moves", "newly_called"):
        assert sum(town[name] for town in said["by_town"]) == said[name]
    assert said["households"] == sum(sum(row.values()) for row in said["tiers"].values())
    assert said["struck"] + sum(said["spared"].values()) == said["households"]
    assert said["crossing_already_listed"] <= said["crossing"] <= len(said["list"])
    assert {row["village_code"][:9] for row in said["list"]} == {village[:9]}


def test_a_line_raised_in_one_village_is_told_of_that_village_only(seen: Seen, model: Bundle, village: str) -> None:
    said = report(play(seen, model, RaisedLine(3000), village), seen.register, model)
    assert {row["village_code"] for row in said["list"]} == {village}
    for test in said["tests"]:
        assert test["under_before"] + test["crosses"] + test["not_evaluable_before"] <= said["households"]
    assert max(test["crosses"] for test in said["tests"]) <= said["crossing"]


def test_the_register_and_policy_that_were_given_are_left_alone(seen: Seen, policy: Policy) -> None:
    sizes = {name: len(table) for name, table in seen.register.tables.items()}
    line = policy.value("monitoring_line", AS_OF, JINSHA)
    for shock in (Bill(30000), JobLoss(), Hail(0.6), RaisedLine(500)):
        strike(seen, shock)
    assert {name: len(table) for name, table in seen.register.tables.items()} == sizes
    assert policy.value("monitoring_line", AS_OF, JINSHA) == line


@pytest.mark.parametrize("shock", [Bill(-1), Bill(100, 200), Hail(1.5), JobLoss(0), RaisedLine(-5), Bill(float("nan"))])
def test_what_no_shock_can_be_is_refused(seen: Seen, shock: Bill | Hail | JobLoss | RaisedLine) -> None:
    with pytest.raises(ValueError, match=r"[\u4e00-\u9fff]"):
        strike(seen, shock)


def test_where_nobody_lives_nothing_is_told(seen: Seen, model: Bundle) -> None:
    done = play(seen, model, Hail(0.6), "999999")
    assert report(done, seen.register, model)["list"] == []
    assert not done.here.any()
