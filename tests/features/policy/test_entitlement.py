"""What is owed, received and lacking: bounds that hold whatever is not known, and law that is monotone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import PolicyError
from features.policy.entitlement import Owed
from features.policy.judgement import Judgement
from features.policy.shipped import read
from features.seen import Seen
from tests.features.policy.cases import judged, register, rows

TENG, MIZHI, DAY = "450422", "610827", dt.date(2020, 6, 30)
Household = dict[str, Any]


def owed(household: Household, county: str = TENG, date: dt.date = DAY) -> dict[str, Owed]:
    return {rule.id: came_to for rule, came_to, _ in judged(register(rows(household, county, date)), date).owed_to(0)}


def disabled(**cells: Any) -> Household:
    return {"birth_year": 1980, "disability_category": "limb", "disability_level": 1, **cells}


def nursing(member: str, **cells: Any) -> Household:
    return {"member_id": member, "benefit": "disability_nursing", **cells}


def test_one_paid_in_full_one_too_little_and_one_of_whom_nothing_is_known() -> None:
    household = {"members": [disabled(), disabled(), disabled()], "benefits": [nursing("1", amount=80), nursing("2", amount=50)]}
    came_to = owed(household)["disability_nursing"]
    assert came_to.due_yuan == (2880, 2880)
    assert came_to.lacks == (0, 1)
    assert came_to.lacks_yuan == (360, 1320)


def test_of_a_certificate_without_a_level_nothing_is_said_of_nursing() -> None:
    household = {"members": [disabled(disability_level=None)], "benefits": [nursing("1", receiving=False)]}
    assert owed(household)["disability_nursing"].lacks_yuan == (0, 960)
    (wanting,) = [
        missing for rule, _, missing in judged(register(rows(household, TENG, DAY)), DAY).owed_to(0) if rule.id == "disability_nursing"
    ]
    assert wanting == [("disability_level", "残疾等级")]


def test_a_roll_that_names_the_member_of_another_household_says_nothing_of_ours() -> None:
    other = rows({"members": [disabled(), disabled()], "benefits": [nursing("1"), nursing("2")]}, TENG, DAY, "b")
    ours = rows({"members": [disabled()]}, TENG, DAY, "a")
    judgement = judged(register(ours, other), DAY)
    came_to = next(came_to for rule, came_to, _ in judgement.owed_to(0) if rule.id == "disability_nursing")
    assert (came_to.gets.low.tolist(), came_to.gets.high.tolist()) == ([0, 2], [1, 2])


def test_all_counties_are_worked_out_each_by_its_own_rules() -> None:
    households = [
        rows({"members": [disabled()], "benefits": [nursing("1", receiving=False)]}, county, DAY, name)
        for county, name in ((TENG, "a"), (MIZHI, "b"))
    ]
    found = {(rule.id, tuple(where)): came_to for rule, where, came_to in judged(register(*households), DAY).owed()}
    assert found["disability_nursing", (0,)].lacks_yuan.high[0] == 960
    assert found["disability_nursing", (1,)].lacks_yuan.high[1] == np.inf
    assert ("disability_nursing_mental", (1,)) not in found


def test_a_benefit_that_has_ended_is_lacking_from_that_day() -> None:
    household = {"members": [disabled()], "benefits": [nursing("1"), nursing("1", receiving=False, valid_from=dt.date(2020, 5, 1))]}
    assert owed(household, date=dt.date(2020, 4, 30))["disability_nursing"].lacks == (0, 0)
    assert owed(household)["disability_nursing"].lacks == (1, 1)


COUNTY = """
region: "990009"
zh: 某县
en: A county
parameters:
  dibao_line: [{from: 2020-01-01, value: 4000, grade: synthetic, reference: 虚构}]
  extreme_support_amount: [{from: 2020-01-01, value: AMOUNT, grade: synthetic, reference: 虚构}]
"""
CERTAIN = """entitlements:
  - {id: extreme_support, zh: 特困供养, en: Support, received: extreme_poverty_support, amount: extreme_support_amount, instead_of: [dibao],
     when: {fact: labour_members, less_than: 1}, reference: 虚构, grade: synthetic}
"""
UNABLE = {"birth_year": 1980, "labour_ability": "lost"}


@pytest.mark.parametrize(
    ("monthly", "rule", "member", "lacks"),
    [
        (600, "", {}, (1000, 7200)),  # either of them, and never both
        (50, "", {}, (600, 1000)),
        (600, "", {"labour_ability": "weak"}, (1000, 1000)),
        (600, CERTAIN, {}, (7200, 7200)),
        (600, CERTAIN, {"extreme_poverty_support": True}, (0, 0)),
        (600, CERTAIN, {"labour_ability": None}, (1000, 7200)),
        (600, "", {"dibao": True}, (0, 7200)),
    ],
)
def test_support_of_the_extremely_poor_and_dibao_are_never_added(
    tmp_path: Path, monthly: int, rule: str, member: Household, lacks: tuple[float, float]
) -> None:
    (tmp_path / "990009.yaml").write_text(COUNTY.replace("AMOUNT", str(monthly)) + rule, encoding="utf-8")
    given_policy = read(counties=tmp_path)
    held = register(rows({"income": 3000, "sharing_size": 1, "members": [UNABLE | member]}, "990009", DAY))
    found = Judgement(Seen(held, DAY, given_policy), given_policy).lacks(0)
    assert (found.low[0], found.high[0]) == lacks


@pytest.mark.parametrize(
    ("members", "bounds"),
    [
        ([{"birth_year": 2015}], [0, 1]),  # children alone may have it
        ([{"birth_year": 2015}, {"birth_year": 1985, "dibao": False}], [0, 0]),
        ([{"birth_year": 2015}, {"birth_year": 1985, "dibao": True}], [1, 1]),
        ([{"birth_year": 2015}, {"birth_year": 1985, "dibao": None}], [0, 1]),
        ([], [0, np.inf]),
    ],
)
def test_children_have_the_dibao_of_the_others_and_of_children_alone_it_is_not_known(members: list[Household], bounds: list[float]) -> None:
    household = {"members": [{"dibao": None} | member for member in members]}
    found = judged(register(rows(household, TENG, DAY)), DAY).fact("on_dibao", 0)
    assert [found.low[0], found.high[0]] == bounds


flags = st.sampled_from([True, False, None])
people = st.fixed_dictionaries(
    {
        "birth_year": st.sampled_from([None, 1950, 1960, 1961, 1985, 2010]),
        "dibao": flags,
        "extreme_poverty_support": flags,
        "pension_receiving": flags,
        "medical_insured": flags,
        "disability_category": st.sampled_from([None, "mental", "limb"]),
        "disability_level": st.sampled_from([None, 1.0, 2.0, 3.0, 4.0]),
    }
)
rolls = st.fixed_dictionaries(
    {
        "member_id": st.sampled_from(["1", "2", "3"]),
        "benefit": st.sampled_from(["disability_nursing", "disability_living"]),
        "receiving": flags,
        "amount": st.sampled_from([None, 0.0, 50.0, 80.0, 100.0]),
    }
)
households = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["exited", "ordinary"]),
        "income": st.sampled_from([None, 0.0, 3000.0, 3999.0, 4000.0, 9000.0]),
        "members": st.lists(people, max_size=3),
        "benefits": st.lists(rolls, max_size=3, unique_by=lambda row: (row["member_id"], row["benefit"])),
    }
)
counties, days = st.sampled_from([TENG, MIZHI, "360821"]), st.sampled_from([DAY, dt.date(2019, 6, 30)])
few = settings(max_examples=80, deadline=None, derandomize=True)


@few
@given(households, counties, days)
def test_nobody_lacks_more_than_is_owed_and_bounds_stand_in_order(household: Household, county: str, date: dt.date) -> None:
    for name, came_to in owed(household, county, date).items():
        for span in came_to:
            assert 0 <= span.low[0] <= span.high[0], name
        for part, whole in ((came_to.lacks, came_to.due), (came_to.lacks_yuan, came_to.due_yuan)):
            assert part.low[0] <= whole.low[0], name
            assert part.high[0] <= whole.high[0], name


@few
@given(households, counties, days, st.integers(0, 2), st.booleans())
def test_learning_a_blank_narrows_the_bounds(household: Household, county: str, date: dt.date, which: int, said: bool) -> None:
    blank = [row for row in household["benefits"] if row["receiving"] is None]
    if len(blank) <= which:
        return
    known = [row | {"receiving": said} if row is blank[which] else row for row in household["benefits"]]
    before, after = owed(household, county, date), owed(household | {"benefits": known}, county, date)
    for name, came_to in before.items():
        for was, now in zip(came_to, after[name], strict=True):
            assert was.low[0] <= now.low[0], name
            assert now.high[0] <= was.high[0], name


@few
@given(households, days, st.sampled_from([1.0, 1000.0]))
def test_less_income_never_lessens_dibao(household: Household, date: dt.date, less: float) -> None:
    if household["income"] is None:
        return
    before, after = (owed(one, MIZHI, date)["dibao"] for one in (household, household | {"income": household["income"] - less}))
    for was, now in ((before.due, after.due), (before.due_yuan, after.due_yuan), (before.lacks_yuan, after.lacks_yuan)):
        assert was.low[0] <= now.low[0]
        assert was.high[0] <= now.high[0]


@few
@given(households, counties, st.integers(0, 2), st.sampled_from([1.0, 30.0]))
def test_more_that_is_paid_never_widens_what_is_lacking(household: Household, county: str, which: int, more: float) -> None:
    raised = [
        row | {"amount": row["amount"] + more} if at == which and row["amount"] is not None else row
        for at, row in enumerate(household["benefits"])
    ]
    before, after = owed(household, county), owed(household | {"benefits": raised}, county)
    assert all(after[name].lacks_yuan.high[0] <= came_to.lacks_yuan.high[0] for name, came_to in before.items())


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("received: luck", "nothing tells who receives luck"),
        ("received: dibao, whom: {height: 2}", "members has no column height"),
        ("received: dibao, amount: no_such_amount", "no parameter no_such_amount"),
        ("received: dibao, amount: sudden_expenditure_share", "no amount by the month or year"),
        ("received: dibao, amount: {to: dibao_line, less: net_worth}", "no fact net_worth"),
        ("received: dibao, amount: {to: dibao_line, less: self_pay_year}", "self_pay_year is in yuan/year"),
        ("received: dibao, amount: {by: sex, of: {male: dibao_tier_a}}", "each grade needs its amount .*male, female"),
        ("received: dibao, amount: {by: dibao, of: {a: dibao_tier_a}}", "members have no grades dibao "),
        ("received: dibao, amount: {by: dibao_tier, of: {a: dibao_tier_a, b: no_such, c: dibao_tier_c}}", "no parameter no_such"),
        ("received: dibao, amount: [dibao_line]", "at least 2 needed"),
        ("received: dibao, instead_of: [luck]", "no benefit luck"),
        ("received: dibao, instead_of: [dibao]", "another benefit stands in the place of dibao"),
    ],
)
def test_an_entitlement_that_fits_nothing_is_refused_with_its_line(tmp_path: Path, said: str, fault: str) -> None:
    rule = f"id: made_up, zh: 虚构, en: Made up, reference: 虚构, grade: synthetic, when: {{fact: members, at_least: 1}}, {said}"
    text = f'region: "990009"\nzh: 某县\nen: A county\nentitlements:\n  - {{{rule}}}\n'
    (tmp_path / "990009.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=rf"990009\.yaml:5: .*{fault}"):
        read(counties=tmp_path)


def test_an_amount_that_may_be_the_whole_households_is_counted_once_at_the_least() -> None:
    """Teng's tiers, 230 to 350 yuan a month (TX1): whose they are is not told."""
    household = {"sharing_size": 3, "members": [{"birth_year": year, "dibao": True} for year in (1980, 1982, 1984)]}
    came_to = owed(household)["dibao"]
    assert came_to.gets == (3, 3)
    assert came_to.gets_yuan == (230 * 12, 3 * 350 * 12)


def test_each_member_has_the_amount_of_the_own_tier() -> None:
    """One of tier A and one of tier C: 4,200 at the least, were it the whole household's, and 6,960 together."""
    members = [{"birth_year": 1980, "dibao": True, "dibao_tier": "a"}, {"birth_year": 1982, "dibao": True, "dibao_tier": "c"}]
    came_to = owed({"sharing_size": 2, "members": members})["dibao"]
    assert came_to.gets_yuan == (350 * 12, (350 + 230) * 12)
