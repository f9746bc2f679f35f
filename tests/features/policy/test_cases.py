"""Every case of `tests/policy_cases` is answered as it says, with the clause it says."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from features.policy.bills import Bill, settled
from features.policy.entitlement import Owed
from features.policy.help import proposals
from features.policy.judgement import Judgement
from features.policy.language import A_YEAR
from features.policy.packs import COUNTIES, packs_of
from features.policy.reference import in_force
from features.policy.rewards import reward
from features.policy.shipped import read
from features.policy.verification import verified
from features.seen import Seen
from features.tables import TABLES
from tests.features.policy.cases import KINDS, Case, Village, cases, judged, judged_alone, policy, register, rows, unknowns, village_cases

CASES = cases()
OWED = frozenset(Owed._fields)


def references(rules: list[Any]) -> dict[str, str]:
    return {rule.id: rule.reference for rule in rules}


def rests_on(found: dict[str, str], expected: dict[str, str]) -> None:
    """Each answer's reference names the clause that the case names."""
    for name, clause in expected.items():
        assert clause, f"{name}: the case names no clause"
        assert clause in found[name], f"{name} rests on {found[name]!r}, not on {clause!r}"


@pytest.mark.parametrize("case", CASES, ids=[case.place for case in CASES])
def test_case_is_answered_as_written(case: Case) -> None:
    judgement = judged_alone(case)
    expect, said = case.expect, case.expect.model_fields_set
    assert said, "a case expects something"
    for kind in KINDS:
        found = references(judgement.holding(kind, 0))
        exactly = getattr(expect, kind)
        if exactly is not None:
            assert found.keys() == exactly.keys(), case.name
            rests_on(found, exactly)
        if kind in expect.open:
            unknown = {rule.id: rule for rule in judgement.open(kind, 0)}
            assert unknown.keys() == expect.open[kind].keys(), case.name
            for name, fact in expect.open[kind].items():
                assert fact in unknowns(judgement, unknown[name]), f"{case.name}: {name}"
    if "category" in said:
        category(case, judgement)
    classes(case, judgement)
    entitlements(case, judgement)
    known(case, judgement)
    values(case, judgement)
    for name, expected in expect.rewards.items():
        said = judgement.in_force(0).pack.rewards[name]
        assert reward(said, case.date, persons=expected.persons, base=expected.base) == pytest.approx(expected.yuan), case.name


def known(case: Case, judgement: Judgement) -> None:
    """What is known of the household, and what is proposed for it."""
    expect = case.expect
    for name, expected in expect.facts.items():
        (low,), (high,) = judgement.fact(name, 0)
        if expected is None:
            assert low != high, f"{case.name}: {name}"
        else:
            assert [low, high] == pytest.approx(expected if isinstance(expected, list) else [expected, expected]), f"{case.name}: {name}"
    if expect.help is not None:
        assert sorted(one.measure for one in proposals(judgement, 0)) == sorted(expect.help), case.name
    verification = judgement.in_force(0).verification
    if expect.verified:
        assert verification is not None
        found = verified(verification.sections, judgement.seen, 0)
        assert {name: found[name].held for name in expect.verified} == expect.verified, case.name


def values(case: Case, judgement: Judgement) -> None:
    """What stands in force in the county on the day, of no household."""
    expect, told = case.expect, in_force(policy(), case.date, case.county)
    parameters = {one["name"]: one for one in told["parameters"]}
    for name, expected in expect.values.items():
        assert parameters[name]["value"] == expected, f"{case.name}: {name}"
    for name, expected in expect.yearly.items():
        value = parameters[name]["value"]
        assert (value and value * A_YEAR[parameters[name]["unit"]]) == expected, f"{case.name}: {name}"
    checked = {one["id"]: one["holds"] for one in told["checks"]}
    assert {name: checked[name] for name in expect.checks} == expect.checks, case.name
    if expect.bills:
        bills(case)
    helps = {one["name"]: one for one in told["measures"]}
    assert {name: helps[name]["window"] and helps[name]["window"]["zh"] for name in expect.windows} == expect.windows, case.name
    assert {name: [one["zh"] for one in helps[name]["batches"]] for name in expect.batches} == expect.batches, case.name
    if expect.undefined is not None:
        assert [one["name"] for one in told["undefined"] if not one["content"]] == expect.undefined, case.name
    if expect.grade:
        kinds = [kind for kind in KINDS if getattr(expect, kind)] + ["categories"] * (expect.category is not None)
        holding = [rule for kind in kinds for rule in judgement.holding(kind, 0)]
        holding += [rule for system, rule in judgement.classes(0).items() if rule is not None and system in expect.classes]
        assert {rule.grade for rule in holding} == {expect.grade}, case.name


def bills(case: Case) -> None:
    """The layers in their order, on what is left, and the deductible of the year taken once."""
    written = case.expect.bills
    done = settled(policy(), case.county, "registered", [Bill(case.date, bill.in_list, bill.outside) for bill in written])
    for bill, paid in zip(written, done, strict=True):
        assert {name: paid.layers[name] for name in bill.paid} == pytest.approx(bill.paid), case.name
        assert bill.left is None or paid.left == pytest.approx(bill.left), case.name
        assert bill.left_in_list is None or paid.left_in_list == pytest.approx(bill.left_in_list), case.name


def category(case: Case, judgement: Judgement) -> None:
    expect = case.expect
    assert judgement.category(0) == expect.category, case.name
    for rule in judgement.holding("categories", 0):
        assert expect.clause, "the case names no clause"
        assert expect.clause in rule.reference
        assert not expect.alias or expect.alias in rule.aliases
    if expect.category is None:
        lacking = set().union(*(unknowns(judgement, rule) for rule in judgement.open("categories", 0)))
        assert set(expect.because) <= lacking, f"{case.name}: for want of {lacking}"


def classes(case: Case, judgement: Judgement) -> None:
    found = judgement.classes(0)
    helped = {rule.id: rule.measures for rule in (*found.values(), *judgement.holding("gaps", 0)) if rule is not None}
    for system, expected in case.expect.classes.items():
        rule = found[system]
        if expected is None:
            assert rule is None, case.name
        else:
            assert rule is not None, case.name
            assert [rule.id] == list(expected), case.name
            rests_on({rule.id: rule.reference}, expected)
    for name, measures in case.expect.measures.items():
        assert helped[name] == measures, case.name


def entitlements(case: Case, judgement: Judgement) -> None:
    found = {rule.id: (rule, owed, wanting) for rule, owed, wanting in judgement.owed_to(0)}
    for name, expected in case.expect.entitlements.items():
        rule, owed, wanting = found[name]
        for what in OWED & expected.model_fields_set:
            (low,), (high,) = getattr(owed, what)
            wanted = getattr(expected, what)
            if wanted is None:
                assert low != high, f"{case.name}: {name} {what}"
            else:
                bounds = wanted if isinstance(wanted, list) else [wanted, wanted]
                assert [low, high] == pytest.approx(bounds), f"{case.name}: {name} {what}"
        assert expected.clause in rule.reference
        if "because" in expected.model_fields_set:
            assert [zh for _, zh in wanting] == expected.because, f"{case.name}: {name}"


def test_the_plain_household_leaves_nothing_open() -> None:
    case = CASES[0]
    plain = judged(register(rows({}, "520523", case.date)), case.date)
    assert [rule.id for kind in KINDS for rule in plain.open(kind, 0)] == []
    assert [rule.id for kind in KINDS for rule in plain.holding(kind, 0)] == []


def test_every_rule_in_force_somewhere_holds_in_some_case() -> None:
    """What no case ever sees hold, nobody has checked against its text."""
    packs = policy().packs
    assert packs is not None
    kinds = (*KINDS, "classes", "categories", "entitlements")
    shipped = {(kind, rule.id) for region in packs.overlays for kind in kinds for rule in getattr(packs.at(region).pack, kind)}
    seen = {(kind, rule.id) for case in CASES for kind in kinds for rule in judged_alone(case).holding(kind, 0)}
    never = {("classes", "reassured"), ("classes", "deficient")}  # these and the next two rest on what no register holds
    never |= {("entitlements", "extreme_support"), ("categories", "poverty_prevention")}
    never |= {("cohorts", "edge")}  # no line of Shaanxi was found; see the test below
    assert shipped - seen == never


@pytest.mark.parametrize(("income", "holds"), [(3999, False), (4000, True), (5999, True), (6000, False)])
def test_the_edge_ledger_of_zhenan_is_told_once_the_county_gives_its_line(tmp_path: Path, income: float, holds: bool) -> None:
    line = '\nparameters:\n  monitoring_line:\n    - {from: 2021-01-01, value: 6000, grade: synthetic, reference: "虚构 made up"}\n'
    shipped = (COUNTIES / "611025.yaml").read_text(encoding="utf-8")
    (tmp_path / "611025.yaml").write_text(shipped + line, encoding="utf-8")
    day, given = dt.date(2021, 6, 30), read(counties=tmp_path)
    held = register(rows({"income": [income] * 8}, "611025", day))
    assert ("edge" in {rule.id for rule in Judgement(Seen(held, day, given), given).holding("cohorts", 0)}) == holds


def test_the_names_of_2020_are_read_as_the_categories_that_bear_them() -> None:
    packs, date = policy().packs, dt.date(2021, 1, 15)
    assert packs is not None
    borne = {alias: rule.id for rule in packs.national.categories for alias in rule.aliases}
    assert borne == {"脱贫监测户": "unstable_exited", "边缘户": "edge_prone"}
    column = TABLES["monitoring"].column("category")
    for alias, category in borne.items():
        held = register(rows({"monitoring": [{"category": alias, "identified_on": dt.date(2020, 7, 1)}]}, "520523", date))
        assert [column.codes[code] for code in held.tables["monitoring"].columns["category"]] == [category]


@pytest.mark.parametrize(("county", "case"), village_cases(), ids=lambda part: getattr(part, "case", part))
def test_village_is_in_the_tiers_written(county: str, case: Village) -> None:
    said = packs_of(policy()).at(county).villages
    assert said is not None
    found = {tier.id: tier.reference for tier in said.of(case.counted, case.households)}
    assert set(found) == set(case.tiers)
    for name, words in case.tiers.items():
        assert words in found[name]


def test_every_tier_of_villages_holds_in_some_case() -> None:
    shipped = {(region, tier.id) for region, said in packs_of(policy()).overlays.items() if said.villages for tier in said.villages.tiers}
    assert shipped == {(county, name) for county, case in village_cases() for name in case.tiers}
