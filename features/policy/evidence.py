"""What a rule rests on, household by household: the facts as they were told, how much, and the day on which that came about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.codes import code
from features.policy.condition import tests
from features.policy.declared import Fact
from features.policy.facts import Facts
from features.policy.judgement import Judgement
from features.policy.language import Rule, Trigger
from features.policy.span import Span
from features.register import NEVER, Array, FloatArray, IntArray

_ABSENT = code("visits", "found", "absent")
UPWARDS = ("at_least", "more_than")


@dataclass(frozen=True, slots=True)
class Push:
    """One rule and the households for which it holds.

    Attributes:
        rule: a trigger, or a finding that demands a note.
        rows: places of the households in the register.
        day: since 1970-01-01, of the last row that its facts count, where one person stands for the household of that person's; `NEVER`
            where it rests on a state, which has no day.
        amount: what the fact that has the day comes to at least; NaN beside `NEVER`.
        facts: all facts of its tests, each with its span for these households.
    """

    rule: Any
    rows: Array
    day: IntArray
    amount: FloatArray
    facts: Sequence[tuple[str, Fact, Span]]


def pushes(judgement: Judgement, kind: str = "triggers") -> Iterator[Push]:
    """Every rule of a kind that holds for somebody, with what it rests on.

    Worked example: bills of 3,000 yuan on 4 May and 2,500 on 9 July stand behind 5,500 yuan of self-payment this year. The push is of
    9 July, the day of the last bill that is counted, and its amount is 5,500.
    """
    for rule, rows, facts in judgement.held(kind):
        yield _push(rule, rows, facts)


def _push(rule: Rule, rows: Array, facts: Facts) -> Push:
    day, amount = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    asked = {}
    for test in tests(rule.when):
        span = facts[test.fact]
        low, high = span.low[rows], span.high[rows]
        asked[test.fact] = (test.fact, facts.declared[test.fact], Span(low, high))
        newest = facts.newest(test.fact)
        if newest is not None and test.comparison[0] in UPWARDS:
            amount = np.where(np.isnan(amount) & ~np.isnan(newest[rows]), low, amount)
            day = np.fmax(day, newest[rows])
    return Push(rule, rows, np.where(np.isnan(day), NEVER, day).astype(np.int32), amount, list(asked.values()))


def unanswered(judgement: Judgement, row: int) -> list[Trigger]:
    """Triggers of one household that rest on something that came after whoever went there last: nobody has looked at that yet."""
    visits, one = judgement.seen["visits"], np.array([row])
    went = (visits.household == row) & (visits["visited_on"] <= judgement.seen.day) & (visits["found"] != _ABSENT)
    last = visits["visited_on"][went].max(initial=np.iinfo(np.int32).min)
    dated = [(rule, _push(rule, one, judgement.facts(row)).day[0]) for rule in judgement.holding("triggers", row)]
    return [rule for rule, day in dated if last < day < NEVER]
