"""Facts of households on a date, each as the span in which it lies: what is blank widens the span and never counts as nothing.

Worked example: a household with bills of 3,000 and 2,500 yuan and a third one whose amount is blank. Its self-payment of the year lies
between 5,500 and any sum: it is certainly at least 5,000, and whether it reaches 20,000 cannot be said.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np

from features.policy.formulas import FORMULAS
from features.policy.language import DERIVED, WINDOWED, Cell, Fact, Range
from features.policy.span import Span
from features.register import Array, BoolArray, FloatArray, TableView, day
from features.seen import Seen
from features.tables import TABLES, Kind

SCHOOL_YEAR_MONTH = 9  # school years begin on 1 September


class Facts:
    """The facts that the files declare, worked out for the households of a view when first asked for.

    Args:
        seen: the register on a date.
        declared: by name.
    """

    def __init__(self, seen: Seen, declared: Mapping[str, Fact]) -> None:
        self.seen = seen
        self.declared = declared
        self._spans: dict[str, Span] = {}

    def __getitem__(self, name: str) -> Span:
        """The span of a fact, household by household."""
        span = self._spans.get(name)
        if span is None:
            span = self._spans[name] = self._drawn(self.declared[name])
        return span

    def _drawn(self, fact: Fact) -> Span:
        if fact.formula is not None:
            worked_out = FORMULAS[fact.formula](self.seen)
            return worked_out if isinstance(worked_out, Span) else Span.of(worked_out)
        asked = fact.count or fact.sum or fact.most or fact.value or ""
        table, _, column = asked.partition(".")
        rows = _Rows(self.seen, table)
        if fact.value is not None:
            return Span.of(rows.view.row(rows.number(column))[0] if len(rows.view) else np.full(self.seen.n, np.nan))
        sure, perhaps = rows.chosen(fact)
        values = rows.number(column) if column else np.ones(len(rows.view))
        unknown = np.isnan(values)
        least, most = np.where(sure & ~unknown, values, 0.0), np.where(perhaps, np.where(unknown, np.inf, values), 0.0)
        if fact.per == "member":
            span = rows.by_person(least, most)
        elif fact.most is not None:
            span = Span(rows.view.highest(least, 0.0), rows.view.highest(most, 0.0))
        else:
            span = Span(*rows.view.totals(least, most))
        return rows.unless_nobody_is_known(span)


class _Rows:
    """The current rows of a table: the members who are present, or whatever else counts on the date."""

    def __init__(self, seen: Seen, table: str) -> None:
        self.seen, self.table = seen, table
        self.view: TableView = seen.people.table if table == "members" else seen[table]

    def number(self, column: str) -> FloatArray:
        """A column as numbers: yes is 1, no is 0, NaN is blank."""
        if column in DERIVED.get(self.table, {}):
            return self.seen.people.age
        cells: FloatArray = self.view[column].astype(np.float64)
        if TABLES[self.table].column(column).kind is Kind.CATEGORY:
            return np.where(cells < 0, np.nan, cells)
        return cells

    def chosen(self, fact: Fact) -> tuple[BoolArray, BoolArray]:
        """The rows that are certainly meant, and those that may be."""
        sure = perhaps = self._within(fact.within)
        asked = np.ones(len(self.view), dtype=bool)
        for column, cell in fact.asked_of.items():
            values = self.number(column)
            asked &= self._holds(column, values, cell) | np.isnan(values)
        for column, cell in fact.where.items():
            values = self.number(column)
            holds, blank = self._holds(column, values, cell), np.isnan(values)
            sure, perhaps = sure & holds, perhaps & (holds | blank & asked)
        return sure, perhaps

    def _within(self, period: str) -> BoolArray:
        rows = len(self.view)
        if self.table not in WINDOWED:
            return np.ones(rows, dtype=bool)
        when = self.view[WINDOWED[self.table]]
        return (
            np.asarray((when <= self.seen.day) & (when >= day(first_day(self.seen.as_of, period))))
            if period != "ever"
            else np.asarray(when <= self.seen.day)
        )

    def _holds(self, column: str, values: FloatArray, cell: Cell) -> BoolArray:
        if isinstance(cell, Range):
            out = np.ones(len(values), dtype=bool)
            for word, compare in (
                ("at_least", np.greater_equal),
                ("more_than", np.greater),
                ("at_most", np.less_equal),
                ("less_than", np.less),
            ):
                bound = getattr(cell, word)
                if bound is not None:
                    out &= compare(values, bound)
            return out
        wanted = cell if isinstance(cell, list) else [cell]
        codes = () if column in DERIVED.get(self.table, {}) else TABLES[self.table].column(column).codes
        return np.isin(values, [float(codes.index(str(word)) if codes else word) for word in wanted])

    def by_person(self, least: FloatArray, most: FloatArray) -> Span:
        """Rows added up person by person; the person with most stands for the household.

        A row without a person is certainly somebody's, so it counts alone at the least, and at the most with everybody else's.
        """
        household, member = self.view.household.astype(np.int64), self.view["member_id"].astype(np.int64)
        nobody = member < 0
        person = np.where(nobody, -1 - np.arange(len(member)), member)
        _, which, first = _groups(household, person)
        sums = np.bincount(which, weights=least, minlength=len(first))
        tops = np.bincount(which, weights=most, minlength=len(first))
        low, high = np.zeros(self.seen.n), np.zeros(self.seen.n)
        np.maximum.at(low, household[first], sums)
        np.maximum.at(high, household[first], tops)
        unnamed = self.view.total(nobody & (most > 0)) > 0
        return Span(low, np.where(unnamed, self.view.total(most), high))

    def unless_nobody_is_known(self, span: Span) -> Span:
        """Members nobody has listed are not known not to be; of all other tables a household without rows has none."""
        if self.table != "members":
            return span
        return Span(span.low, np.where(self.seen.people.count > 0, span.high, np.inf))


def _groups(household: Array, person: Array) -> tuple[Array, Array, Array]:
    keys = np.stack([household, person])
    found, first, which = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    return found, which.ravel(), first


def first_day(as_of: dt.date, period: str) -> dt.date:
    """The day on which a period that runs up to a date begins.

    >>> first_day(dt.date(2024, 3, 15), "school_year"), first_day(dt.date(2024, 3, 15), "twelve_months")
    (datetime.date(2023, 9, 1), datetime.date(2023, 3, 17))
    """
    if period == "calendar_year":
        return as_of.replace(month=1, day=1)
    if period == "month":
        return as_of.replace(day=1)
    if period == "school_year":
        return dt.date(as_of.year - (as_of.month < SCHOOL_YEAR_MONTH), SCHOOL_YEAR_MONTH, 1)
    if period == "twelve_months":
        return as_of - dt.timedelta(days=365 - 1)
    raise ValueError(f"no period {period!r}")
