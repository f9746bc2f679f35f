"""Clues: what departments' data call for. One open clue for each household, risk and period, to which later pushes add evidence.

A clue is no status. It opens when a trigger first holds, stays when the trigger holds no longer, and is answered by a visit.

Worked example: hail on 5 August 2023 opens a clue of the risk “disaster”, whose twelve months begin on that day. Hail again on 20 September
is further evidence of the same clue. The list of a month later says the same once more, and adds nothing. After the visit of 25 September
the clue is answered; hail of 3 October, which nobody could see on that visit, opens the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from math import inf, isinf
from typing import Any

import numpy as np
import orjson

from features.policy.declared import Fact
from features.policy.drawing import first_day
from features.policy.evidence import Push, pushes
from features.policy.judgement import Judgement, told
from features.register import NEVER, Array, day

EPOCH = dt.date(1970, 1, 1)
TWELVE_MONTHS = 365  # days, as triggers look back
FEN = 2  # decimals of yuan: sums of the same bills in another order are one amount


@dataclass(frozen=True, slots=True)
class Pushed:
    """What one trigger says of one household.

    Attributes:
        household: its place in the list.
        on: the day since 1970-01-01 of what it rests on; None for a state, which has no day.
        amount: what it comes to at least; None for a state.
        told: the rule and its facts as stored JSON.
    """

    household: int
    rule: str
    risk: str
    period: str
    on: int | None
    amount: float | None
    told: str


@dataclass(slots=True)
class Clue:
    """One clue, with what was said so far.

    Attributes:
        begins: first day of its period, since 1970-01-01.
        told: the most that each rule said of each day; None is the day of a state.
    """

    number: int
    period: str
    begins: int
    is_open: bool
    pieces: int = 0
    told: dict[tuple[str, int | None], float] = field(default_factory=dict)

    def covers(self, on: int) -> bool:
        """Whether a day lies in its period."""
        if self.period == "twelve_months":
            return abs(on - self.begins) < TWELVE_MONTHS
        return begin(self.period, on) == self.begins

    def knows(self, said: Pushed, today: int) -> bool:
        """Whether this was said already. A state goes on without a day: it is said anew once its clue is answered and the period over."""
        most = self.told.get((said.rule, said.on))
        if most is None or (said.amount is not None and said.amount > most):
            return False
        return said.on is not None or self.is_open or self.covers(today)

    def add(self, said: Pushed) -> None:
        """Takes in what was said."""
        self.pieces += 1
        self.told[said.rule, said.on] = inf if said.amount is None else said.amount


def where(clues: list[Clue], said: Pushed, today: int) -> Clue | None:
    """The open clue to which something that was said belongs; None where it opens one of its own.

    Args:
        clues: the household's of that risk and kind of period.
        said: something that none of them `knows`.
        today: the day of the list, for what has no day of its own.
    """
    on = today if said.on is None else said.on
    return next((clue for clue in clues if clue.is_open and clue.covers(on)), None)


@cache
def begin(period: str, on: int) -> int:
    """The first day of the period in which a day lies; twelve months begin with the day itself, and “ever” has one beginning.

    >>> [date_of(begin(period, day(dt.date(2023, 8, 5)))) for period in ("month", "school_year", "twelve_months")]
    ['2023-08-01', '2022-09-01', '2023-08-05']
    """
    if period == "ever":
        return 0
    return on if period == "twelve_months" else day(first_day(EPOCH + dt.timedelta(days=on), period))


@cache
def date_of(on: int) -> str:
    """A day since 1970-01-01 as stored text."""
    return (EPOCH + dt.timedelta(days=on)).isoformat()


@cache
def day_of(date: str) -> int:
    """The day that `date_of` wrote."""
    return day(dt.date.fromisoformat(date))


def calls(judgement: Judgement, row_of: Array) -> list[Pushed]:
    """What the triggers say of every household of a list.

    Args:
        judgement: of the list's register.
        row_of: by place in the register, the place in the list; -1 for a household that is not in it.
    """
    return [said for push in pushes(judgement) for said in _pushed(push, row_of)]


def demands(judgement: Judgement, row_of: Array, household_id: Array) -> list[tuple[str, str, str]]:
    """The findings on which somebody must write a note: household, rule, and the day of the latest."""
    return [
        (str(household_id[row]), push.rule.id, date_of(on))
        for push in pushes(judgement, "exclusions")
        for row, on in zip(row_of[push.rows].tolist(), push.day.tolist(), strict=True)
        if row >= 0
    ]


def _pushed(push: Push, row_of: Array) -> Iterator[Pushed]:
    rule = push.rule
    shown = {name: value for name, value in told(rule).items() if name not in ("risk", "period")}
    facts = [(_named(name, fact), span.low.tolist(), span.high.tolist()) for name, fact, span in push.facts]
    amounts = np.round(push.amount, FEN).tolist()
    for at, (place, on) in enumerate(zip(row_of[push.rows].tolist(), push.day.tolist(), strict=True)):
        if place < 0:
            continue
        is_state = on == NEVER
        said = shown | {"facts": [named | {"low": _end(low[at]), "high": _end(high[at])} for named, low, high in facts]}
        yield Pushed(
            place,
            rule.id,
            rule.risk,
            rule.period,
            None if is_state else on,
            None if is_state else amounts[at],
            orjson.dumps(said).decode(),
        )


def _named(name: str, fact: Fact) -> dict[str, Any]:
    return {"fact": name, "zh": fact.zh, "en": fact.en, "unit": fact.unit}


def _end(value: float) -> float | None:
    return None if isinf(value) else round(value, FEN)
