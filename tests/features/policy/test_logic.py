"""What holds of every answer of policy: not knowing never decides, law is monotone, and nobody else's rows matter."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import PolicyError
from features.policy.shipped import read
from features.tables import MONITORING_RISKS, TABLES, Kind
from tests.features import generated
from tests.features.policy.cases import Answers, Case, answers, cases, judged, judged_alone, register, rows

CASES = cases()
MEANT = {
    ("members", "presence"), ("households", "sharing_size"), ("households", "weight"), ("employment", "end_date"), ("measures", "end_date"),
    ("monitoring", "eliminated_on"), ("events", "oop_self_reported"),
    *(("monitoring", name) for name in MONITORING_RISKS[1:]),
}  # fmt: skip
"""Cells whose blank the register gives a meaning: present, as many as are listed, going on, no further risk, no word of its own."""


def blanked(case: Case) -> Iterator[tuple[str, generated.Rows]]:
    """The household of a case with one cell blank, for each cell that says something."""
    whole = rows(case.household, case.county, case.date)
    for table, held in whole.items():
        for at, row in enumerate(held):
            for column in TABLES[table].columns:
                if column.required or (column.kind in (Kind.ID, Kind.TEXT) and column.name != "member_id") or row[column.name] is None:
                    continue
                if (table, column.name) in MEANT or (table == "incomes" and len(held) > 1):  # of several quarters the others speak for one
                    continue
                if column.name == "disability_category" and row["disability_level"] is None:  # with its last mark the certificate goes
                    continue
                other = [one if place != at else one | {column.name: None} for place, one in enumerate(held)]
                yield f"{table}.{column.name}", whole | {table: other}


def named(whole: generated.Rows, name: str) -> generated.Rows:
    return {table: [row | {"household_id": name} for row in held] for table, held in whole.items()}


def together(households: list[generated.Rows], date: dt.date) -> list[Answers]:
    """The answers about many households in one register."""
    held = register(*(named(whole, f"{place:06}") for place, whole in enumerate(households)))
    return answers(judged(held, date))


@cache
def alone(case: Case) -> Answers:
    """The answers about the household of a case, by itself in a register."""
    return answers(judged_alone(case))[0]


def turned(before: Answers, after: Answers) -> list[str]:
    """The answers that are neither as before nor not evaluable."""
    return [
        f"{kind} {name}: {was} became {after[kind][name]}"
        for kind, found in before.items()
        for name, was in found.items()
        if after[kind][name] not in (was, None)
    ]


def test_a_blank_cell_turns_no_answer_into_another_only_into_not_evaluable() -> None:
    by_day: dict[dt.date, list[tuple[Case, str, generated.Rows]]] = defaultdict(list)
    for case in CASES:
        by_day[case.date] += [(case, cell, whole) for cell, whole in blanked(case)]
    assert sum(map(len, by_day.values())) > 5000
    wrong = []
    for date, variants in by_day.items():
        for (case, cell, _), after in zip(variants, together([whole for _, _, whole in variants], date), strict=True):
            wrong += [f"{case.place} without {cell}: {what}" for what in turned(alone(case), after)]
    assert wrong == []


def test_a_household_is_answered_alone_as_among_others() -> None:
    by_day: dict[dt.date, list[Case]] = defaultdict(list)
    for case in CASES:
        by_day[case.date].append(case)
    for date, among in by_day.items():
        found = together([rows(case.household, case.county, case.date) for case in among], date)
        for case, answer in zip(among, found, strict=True):
            assert answer == alone(case), case.place


DAY = dt.date(2023, 6, 30)
A_YEAR_AGO = ("newly_disabled", "worsened_disability", "newly_ill", "left_dibao", "left_extreme_support")
flags = st.sampled_from([True, False, None])
certificates = st.sampled_from([(None, None), ("limb", None), (None, 1), ("limb", 2), ("mental", 4)])


HELD = ("serious_illness", "dibao", "extreme_poverty_support")
DAYS = ("2015-01-01", "2022-06-30", "2022-07-01", "2023-06-30")


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What is on record of some members from some days on; of a child neither health nor benefits."""
    said = []
    for member in range(draw(st.integers(0, 3))):
        born = draw(st.sampled_from([1980, 2009, 2016, None]))
        for day in sorted(draw(st.sets(st.sampled_from(DAYS), max_size=3))):
            category, level = (None, None) if born == 2016 else draw(certificates)
            held = {name: None if born == 2016 else draw(flags) for name in HELD}
            since = {"member_id": str(member), "valid_from": dt.date.fromisoformat(day), "birth_year": born}
            said.append(since | held | {"disability_category": category, "disability_level": level})
    return said


def spans(households: list[generated.Rows], names: tuple[str, ...]) -> list[list[tuple[float, float]]]:
    """Facts of every household of a register: the least and the most."""
    held = judged(register(*(named(whole, f"{place:06}") for place, whole in enumerate(households))), DAY)
    facts = [[held.fact(name, row) for name in names] for row in range(len(households))]
    return [[(float(low), float(high)) for (low,), (high,) in found] for found in facts]


def lived(members: list[dict[str, Any]]) -> generated.Rows:
    return rows({"members": members}, "520523", DAY)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(histories(), min_size=2, max_size=5))
def test_what_changed_within_a_year_is_told_of_a_household_alone_as_among_others(among: list[Any]) -> None:
    whole = [lived(members) for members in among]
    assert spans(whole, A_YEAR_AGO) == [spans([one], A_YEAR_AGO)[0] for one in whole]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(histories(), st.sampled_from([*HELD, "birth_year", "disability_level"]))
def test_a_blank_only_widens_what_changed_within_a_year(members: list[dict[str, Any]], column: str) -> None:
    places = range(len(members))
    if column == "disability_level":  # with its last mark the certificate goes
        places = [at for at in places if members[at]["disability_category"] is not None]
    blanks = [[row | {column: None} if at == place else row for at, row in enumerate(members)] for place in places]
    told, *wider = spans([lived(one) for one in (members, *blanks)], A_YEAR_AGO)
    for found in wider:
        assert all(wide[0] <= was[0] and wide[1] >= was[1] for was, wide in zip(told, found, strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_what_becomes_known_later_changes_nothing(seed: int) -> None:
    random = Random(seed)
    by_day: dict[dt.date, list[Case]] = defaultdict(list)
    for case in CASES:
        by_day[case.date].append(case)
    for date, among in by_day.items():
        grown = []
        for case in among:
            later = generated.rows(random, ["a"], 3, [table for table in TABLES if table != "indicators"])
            for held in later.values():
                for row in held:
                    row["known_on"] = date + dt.timedelta(days=1 + random.randrange(400))
            grown.append(generated.joined(rows(case.household, case.county, case.date), later))
        for case, answer in zip(among, together(grown, date), strict=True):
            assert answer == alone(case), case.place


events = st.fixed_dictionaries(
    {
        "event_kind": st.sampled_from(TABLES["events"].column("event_kind").codes),
        "member_id": st.sampled_from(["1", "2", None]),
        "occurred_on": st.dates(dt.date(2022, 1, 1), dt.date(2023, 6, 30)),
        "oop_compliant": st.one_of(st.none(), st.sampled_from([0.0, 4999.0, 5000.0, 6000.0, 8000.0, 10000.0, 16000.0, 20000.0])),
        "amount": st.one_of(st.none(), st.sampled_from([20000.0, 50000.0])),
    }
)
households = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["exited", "ordinary"]),
        "income": st.one_of(st.none(), st.sampled_from([3000.0, 4866.0, 7299.0, 7300.0, 9000.0])),
        "events": st.lists(events, max_size=4),
        "visits": st.sampled_from([[], [{"found": "risk"}], [{"found": "no_risk"}]]),
        "monitoring": st.sampled_from([[], [{"category": "edge_prone", "identified_on": dt.date(2022, 1, 1)}]]),
    }
)
counties = st.sampled_from(["520523", "990001", "990002", "990003"])
few = settings(max_examples=60, deadline=None, derandomize=True)


def asked(household: dict[str, Any], county: str) -> Answers:
    return answers(judged(register(rows(household, county, DAY)), DAY))[0]


@few
@given(households, counties, events)
def test_more_that_happens_takes_no_trigger_back(household: dict[str, Any], county: str, more: dict[str, Any]) -> None:
    before = asked(household, county)["triggers"]
    after = asked(household | {"events": [*household["events"], more]}, county)["triggers"]
    assert [name for name, was in before.items() if was == "yes" and after[name] != "yes"] == []


@few
@given(households, counties, st.integers(0, 3), st.sampled_from([1.0, 5000.0]))
def test_more_self_payment_takes_no_trigger_back(household: dict[str, Any], county: str, which: int, more: float) -> None:
    before = asked(household, county)["triggers"]
    raised = [
        event | {"oop_compliant": event["oop_compliant"] + more} if at == which and event["oop_compliant"] is not None else event
        for at, event in enumerate(household["events"])
    ]
    after = asked(household | {"events": raised}, county)["triggers"]
    assert [name for name, was in before.items() if was == "yes" and after[name] != "yes"] == []


@few
@given(households, counties, st.sampled_from([1.0, 2000.0]))
def test_less_income_takes_no_category_of_low_income_away(household: dict[str, Any], county: str, less: float) -> None:
    before = asked(household, county)
    income = household["income"]
    after = asked(household | {"income": None if income is None else income - less}, county)
    if before["category"][""] in ("unstable_exited", "edge_prone"):
        assert after["category"] == before["category"]
    assert not (before["gaps"]["income"] == "yes" and after["gaps"]["income"] != "yes")


@pytest.mark.parametrize("left_out", ["reference", "grade"])
def test_a_rule_without_reference_or_grade_is_refused_with_its_line(tmp_path: Path, left_out: str) -> None:
    said = {"id": "hail", "zh": "雹灾", "en": "Hail", "reference": "虚构 made up", "grade": "synthetic"}
    rule = ", ".join(f"{name}: {value}" for name, value in said.items() if name != left_out)
    text = f'region: "990009"\nzh: 某县\nen: A county\ncohorts:\n  - {{{rule}, when: {{fact: disasters, at_least: 1}}}}\n'
    (tmp_path / "990009.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=rf"990009\.yaml:5: cohorts\.0\.{left_out}: is missing"):
        read(counties=tmp_path)
