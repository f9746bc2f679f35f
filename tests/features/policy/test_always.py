"""What holds of the households of all cases, whatever else is true of them: who cannot work is offered none, nobody is let go too soon."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from features.policy.help import proposals
from features.policy.judgement import Judgement
from features.tables import RISKS
from tests.features import generated
from tests.features.policy.cases import Case, answers, cases, judged, register, rows

CASES = cases()
WORK = ("ordinary", "skilled", "weak")
Changes = Callable[[Case], dict[str, Any]]


def judgements(changes: Changes) -> list[Judgement]:
    """The households of all cases, changed, in one register a day."""
    by_day: dict[dt.date, list[generated.Rows]] = defaultdict(list)
    for place, case in enumerate(CASES):
        changed = changes(case)
        kept = {key: said for key, said in case.household.items() if key != "incomes" or "income" not in changed}
        by_day[case.date].append(rows(kept | changed, case.county, case.date, name=f"{place:06}"))
    return [judged(register(*households), date) for date, households in by_day.items()]


def watched(case: Case, days: int) -> dict[str, Any]:
    """Identified so many days ago for a job that was lost, helped with work, and found without risk."""
    since = case.date - dt.timedelta(days=days)
    return {
        "monitoring": [{"category": "edge_prone", "identified_on": since, "risk_1": "unstable_job"}],
        "measures": [{"measure_kind": "employment", "start_date": since}],
        "visits": [{"found": "no_risk"}],
    }


def unable(_: Case) -> dict[str, Any]:
    return {"members": [{"birth_year": 1950, "labour_ability": "none"}, {"birth_year": 1952, "labour_ability": "lost"}]}


@pytest.mark.parametrize(
    ("changes", "eliminable"),
    [
        (lambda case: watched(case, 800), True),  # some can be: the others are not refused for all
        (lambda case: watched(case, 170), False),  # less than six months
        (lambda case: watched(case, 800) | unable(case), False),
        (lambda case: watched(case, 800) | {"income": [1000] * 4, "sharing_size": 2}, False),
        (lambda case: watched(case, 800) | {"measures": []}, False),
        (lambda case: watched(case, 800) | {"measures": [{"measure_kind": "infrastructure"}]}, False),
    ],
)
def test_who_was_identified_just_now_cannot_work_is_poor_or_was_not_helped_is_never_eliminable(changes: Changes, eliminable: bool) -> None:
    found = [set(told["blockers"].values()) for judgement in judgements(changes) for told in answers(judgement)]
    assert len(found) == len(CASES)
    assert ({"no"} in found) == eliminable


@pytest.mark.parametrize("labour", [*WORK, "none"])
def test_whoever_can_work_is_offered_a_way_to_earn_and_nobody_else_is(labour: str) -> None:
    offered = 0
    for judgement in judgements(lambda _: {"members": [{"birth_year": 1970, "labour_ability": labour}]}):
        for row in range(judgement.seen.n):
            for risks in ((), *((code,) for code, _ in RISKS)):
                found = proposals(judgement, row, risks)
                offered += len(found)
                assert found or not risks
                assert any(one.developmental and one.fits for one in found) == (labour in WORK and bool(found))
    assert offered
