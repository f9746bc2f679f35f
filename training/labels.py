"""Outcomes: what became of a household in the twelve months after a date, from rows known by a stated day.

Two outcomes, never mixed. `falls_below`: per-capita net income, transfers included, of the twelve months after as_of is under the poverty
line in force at their end, for households at or above the line at as_of. `identified`: entered as monitored within those twelve months, for
households not monitored at as_of. A household whose twelve months are not all reported has no label, and is counted.

Worked example: as_of 2022-12-31. Months 2023-01 … 2023-12, line in force on 2023-12-31. Looked up on 2023-12-31 the fourth quarter is not
yet known:
no label. Looked up on 2024-03-31 it is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from features.accounts import SIGNS, income_between
from features.build import FeatureFrame
from features.policy.registry import Policy
from features.register import BoolArray, FloatArray, Register, day, last_full_month
from features.seen import Seen

SPAN_MONTHS = 12
OUTCOMES = ("falls_below", "identified")


@dataclass(frozen=True, slots=True)
class Labels:
    """Outcomes in the order of a feature frame.

    Attributes:
        at_risk: (n,) the outcome could happen to the household.
        event: (n,) 1 it happened, 0 it did not, NaN not at risk or not known.
        helped: (n,) identified, or given a measure, within the twelve months: help hides falls.
        known_by: rows known later were not used.
    """

    at_risk: BoolArray
    event: FloatArray
    helped: BoolArray
    known_by: dt.date

    @property
    def labelled(self) -> BoolArray:
        """(n,) households that can be learnt from or judged by."""
        return ~np.isnan(self.event)

    def counts(self) -> dict[str, int]:
        """How many were at risk, labelled, and hit."""
        return {
            "at_risk": int(self.at_risk.sum()),
            "labelled": int(self.labelled.sum()),
            "events": int(np.nansum(self.event)),
            "helped": int((self.helped & self.labelled).sum()),
        }


def month_end(month: int) -> dt.date:
    """The last day of a month given as months since 1970-01.

    >>> month_end(1)
    datetime.date(1970, 2, 28)
    """
    following = month + 1
    return dt.date(1970 + following // 12, following % 12 + 1, 1) - dt.timedelta(days=1)


def shift(date: dt.date, months: int) -> dt.date:
    """The end of the month so many months after a month end.

    >>> shift(dt.date(2020, 2, 29), -12)
    datetime.date(2019, 2, 28)
    """
    return month_end(last_full_month(date) + months)


def outcome(name: str, register: Register, frame: FeatureFrame, policy: Policy, known_by: dt.date) -> Labels:
    """The outcome of that name for every household of a frame.

    Args:
        name: falls_below or identified.
        register: the facts.
        frame: the households at as_of.
        policy: for the line in force at the end of the twelve months.
        known_by: the day on which the outcome is looked up.
    """
    later = Seen(register, known_by, policy)
    first = last_full_month(frame.as_of) + 1
    end = month_end(first + SPAN_MONTHS - 1)
    helped = _helped(later, frame, end)
    if name == "identified":
        return _identified(later, frame, end, helped)
    if name != "falls_below":
        raise ValueError(f"no outcome named {name!r}; there are {', '.join(OUTCOMES)}")
    sums, covered = income_between(later, first, first + SPAN_MONTHS - 1)
    at_end = Seen(register, end, policy)
    line = at_end.lines[0]
    with np.errstate(invalid="ignore"):
        earned = (sums @ SIGNS / later.size)[frame.position]
        at_risk = frame.facts.pc_net_income >= frame.facts.poverty_line
        line = np.where(np.isnan(line), later.lines[0], line)[frame.position]
        fell = (earned < line).astype(np.float64)
    known = at_risk & (covered[frame.position] >= SPAN_MONTHS) & ~np.isnan(earned) & ~np.isnan(line) & (end <= known_by)
    return Labels(at_risk, np.where(known, fell, np.nan), helped, known_by)


def _identified(later: Seen, frame: FeatureFrame, end: dt.date, helped: BoolArray) -> Labels:
    decisions = later["monitoring"]
    start = day(frame.as_of)
    inside = (decisions["identified_on"] > start) & (decisions["identified_on"] <= day(end))
    hit = decisions.total(inside)[frame.position] > 0
    at_risk = frame.facts.monitored == 0
    known = at_risk & (end <= later.as_of)
    return Labels(at_risk, np.where(known, hit.astype(np.float64), np.nan), helped, later.as_of)


def _helped(later: Seen, frame: FeatureFrame, end: dt.date) -> BoolArray:
    decisions, measures = later["monitoring"], later["measures"]
    start, stop = day(frame.as_of), day(end)
    cases = decisions.total((decisions["identified_on"] > start) & (decisions["identified_on"] <= stop))
    given = measures.total((measures["start_date"] > start) & (measures["start_date"] <= stop))
    return np.asarray((cases + given > 0)[frame.position])
