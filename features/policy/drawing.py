"""Draws all facts of one table together: the number of steps, the price for one household, goes with columns and not with facts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from features.money import in_yuan, to_fen
from features.policy.choice import Cells, choices, pack, spread
from features.policy.declared import WINDOWED, Fact, column_of
from features.policy.span import Span
from features.register import Array, BoolArray, FloatArray, TableView, day
from features.seen import Seen
from features.sums import add_up, largest

SCHOOL_YEAR_MONTH = 9  # school years begin on 1 September
ENDING = ("month", "calendar_year", "school_year")
"""Periods that end on a day of the calendar. Departments push what came in until the end of a month in the next one [P46], so in the month
after its end a period still counts, beside the one under way: the larger of the two is told."""
_NO_DAY = np.iinfo(np.int32).min
NO_DAYS = (0, _NO_DAY)  # from a day until one before it


class Drawn(NamedTuple):
    """The rows that a fact means or may mean: one entry for each fact and row of it, (entries,) each.

    Attributes:
        fact: place of the fact.
        row: place of the row.
        sure: whether the row is certainly meant.
        least, most: what it comes to at the least and at the most.
    """

    fact: Array
    row: Array
    sure: BoolArray
    least: FloatArray
    most: FloatArray


class Drawing:
    """How the facts of a table are drawn; made once for a set of declarations.

    Args:
        table: of the register.
        facts: those that are drawn from it, by name.
    """

    def __init__(self, table: str, facts: Mapping[str, Fact]) -> None:
        self.table = table
        self.values = {name: (fact.value or "").partition(".")[2] for name, fact in facts.items() if fact.value is not None}
        drawn = {name: fact for name, fact in facts.items() if fact.value is None}
        self.names = tuple(drawn)
        # What ended is drawn once more behind all the others, for as long as bills of it come in.
        self.ended = np.array([place for place, fact in enumerate(drawn.values()) if fact.within in ENDING], dtype=np.intp)
        self.facts = (*drawn.values(), *(list(drawn.values())[place] for place in self.ended))
        self.periods = tuple(fact.within for fact in self.facts)
        self.where = choices(table, [fact.where for fact in self.facts])
        self.asked_of = choices(table, [fact.asked_of for fact in self.facts])
        columns = [(fact.sum or fact.most or "").partition(".")[2] for fact in self.facts]
        self.columns = sorted({column for column in columns if column})
        # Where nothing is added up each row counts one.
        self.column_of = np.array([self.columns.index(column) + 1 if column else 0 for column in columns], dtype=np.intp)
        # Of some facts the person with most, or the largest row, stands for the household: rows are grouped before they are compared.
        by_person = np.array([fact.per == "member" for fact in self.facts], dtype=bool)
        self.grouped = np.flatnonzero(by_person | np.array([fact.most is not None for fact in self.facts], dtype=bool))
        self.group_place = np.full(len(self.facts), -1)
        self.group_place[self.grouped] = np.arange(len(self.grouped))
        self.by_person = by_person[self.grouped]
        self.all = pack(np.ones((len(self.facts), 1), dtype=bool))
        self.money = np.flatnonzero([(held := column_of(table, column)) is not None and in_yuan(held) for column in columns])

    def spans(self, seen: Seen) -> dict[str, Span]:
        """Every fact of the table, for the households of a view."""
        rows = seen.people.table if self.table == "members" else seen[self.table]
        cells = Cells(seen, self.table, rows)
        told: dict[str, Span] = {}
        if self.values:
            known = rows.row(*(cells.number(column) for column in self.values.values())) if len(rows) else None
            for place, name in enumerate(self.values):
                told[name] = Span.of(np.full(seen.n, np.nan) if known is None else known[place])
        if self.facts:
            low, high = self._bounds(seen, rows, self._drawn(seen, rows, cells))
            for bound in (low, high):
                bound[self.ended] = np.maximum(bound[self.ended], bound[len(self.names) :])
            told |= {name: Span(low[place], high[place]) for place, name in enumerate(self.names)}
        return told

    def newest(self, seen: Seen) -> dict[str, FloatArray]:
        """For every fact of rows that have a day, the last day of a row that it certainly counts; NaN where it counts none.

        Where one person or one row stands for the household, that person's rows or that row count, and of a period under way and one that
        ended those of the one that is told.
        """
        rows = seen[self.table]
        drawn = self._drawn(seen, rows, Cells(seen, self.table, rows))
        counts = drawn.sure & self._of_those_told(rows, drawn, seen.n) if len(self.grouped) else drawn.sure
        place = drawn.fact[counts] * seen.n + rows.household[drawn.row[counts]]
        when = rows[WINDOWED[self.table]][drawn.row[counts]].astype(np.float64)
        days = largest(place, when, len(self.facts) * seen.n, default=-np.inf)
        newest = np.where(np.isinf(days), np.nan, days).reshape(-1, seen.n)
        low, _ = self._bounds(seen, rows, drawn)
        earlier = low[len(self.names) :] > low[self.ended]
        newest[self.ended] = np.where(earlier, newest[len(self.names) :], newest[self.ended])
        return {name: newest[place] for place, name in enumerate(self.names)}

    def _drawn(self, seen: Seen, rows: TableView, cells: Cells) -> Drawn:
        sure, perhaps = self._chosen(seen, rows, cells)
        entry = np.flatnonzero(spread(perhaps, len(self.facts)))
        row, fact = np.divmod(entry, len(self.facts))
        certainly = spread(sure, len(self.facts)).ravel().take(entry)
        one, place = np.ones(len(rows)), self.column_of.take(fact) * len(rows) + row
        bounds = zip((one, one), *(cells.bounds(column) for column in self.columns), strict=True)
        least, most = (np.concatenate(side).take(place) for side in bounds)
        return Drawn(fact, row, certainly, np.where(certainly, least, 0.0), most)

    def _chosen(self, seen: Seen, rows: TableView, cells: Cells) -> tuple[Array, Array]:
        """Bits of facts, (rows, words): of which facts each row is certainly meant, and of which it may be."""
        if self.table in WINDOWED:
            turns, within = _windows(seen.as_of, self.periods, len(self.names))
            sure = within.take(turns.searchsorted(rows[WINDOWED[self.table]], "right"), axis=0)
        else:
            sure = self.all.repeat(len(rows), axis=0)
        perhaps = sure.copy()
        asked: Array | None = None
        for choice in self.asked_of:
            fits = choice.hold(cells)[1]
            asked = fits if asked is None else asked & fits
        for choice in self.where:
            holds, fits = choice.hold(cells)
            sure &= holds
            perhaps &= fits if asked is None else holds | (fits & asked)
        return sure, perhaps

    def _bounds(self, seen: Seen, rows: TableView, drawn: Drawn) -> tuple[FloatArray, FloatArray]:
        """(facts, n) each: what every fact comes to at the least and at the most."""
        size = len(self.facts), seen.n
        place = drawn.fact * seen.n + rows.household.take(drawn.row)
        low, high = (add_up(place, each, size[0] * size[1]).reshape(size) for each in (drawn.least, drawn.most))
        if len(self.grouped):
            groups = self._groups(rows, drawn, seen.n)
            # A row without a person is certainly somebody's, so it counts alone at the least, and at the most with everybody else's.
            shared = add_up(groups.place, groups.unnamed & (drawn.most[groups.entry] > 0), len(self.grouped) * seen.n) > 0
            in_all = high[self.grouped]
            for bound, each in ((low, drawn.least), (high, drawn.most)):
                sums = groups.sums(each)
                bound[self.grouped] = largest(groups.place, sums, len(self.grouped) * seen.n).reshape(-1, seen.n)
            high[self.grouped] = np.where(shared.reshape(-1, seen.n), in_all, high[self.grouped])
        low[self.money], high[self.money] = to_fen(low[self.money]), to_fen(high[self.money])
        if self.table == "members":  # who is not listed is not known not to be meant; of other tables a household without rows has none
            high = np.where(seen.people.count > 0, high, np.inf)
        return low, high

    def _groups(self, rows: TableView, drawn: Drawn, n: int) -> _Groups:
        """The rows of one person together, or each row alone, for the facts of which not all rows are added up."""
        place = self.group_place.take(drawn.fact)
        entry = np.flatnonzero(place >= 0)
        place, row = place[entry], drawn.row[entry]
        household, by_person = rows.household[row].astype(np.int64), self.by_person[place]
        member = rows["member_id"][row].astype(np.int64) if self.by_person.any() else np.full(len(row), -1)
        of_a_person = by_person & (member >= 0)
        persons, person = np.unique(household << 32 | np.where(of_a_person, member, 2**31 + row), return_inverse=True)
        return _Groups(entry, place * n + household, place * len(persons) + person, by_person & ~of_a_person)

    def _of_those_told(self, rows: TableView, drawn: Drawn, n: int) -> BoolArray:
        """(entries,) which are of the group whose rows come to most, where one group stands for the household; of other facts all are."""
        told = np.ones(len(drawn.fact), dtype=bool)
        groups = self._groups(rows, drawn, n)
        sums = groups.sums(drawn.least)
        told[groups.entry] = sums == largest(groups.place, sums, len(self.grouped) * n)[groups.place]
        return told


class _Groups(NamedTuple):
    """Entries of facts of which one group of rows stands for the household, (grouped entries,) each.

    Attributes:
        entry: which they are.
        place: of the fact and the household that each belongs to.
        group: of the fact and the group of rows.
        unnamed: whether the row is a person's and does not say whose.
    """

    entry: Array
    place: Array
    group: Array
    unnamed: BoolArray

    def sums(self, each: FloatArray) -> FloatArray:
        """What the group of each entry comes to in all, (grouped entries,)."""
        return add_up(self.group, each[self.entry], int(self.group.max(initial=-1)) + 1)[self.group]


@lru_cache
def _windows(as_of: dt.date, periods: tuple[str, ...], under_way: int) -> tuple[Array, Array]:
    """Days on which one of several periods begins or is over, and between them the bits of those under way; kept, since dates repeat.

    After the first `under_way` stand periods that ended: they count until the end of the month that follows them.
    """
    spans = []
    for place, period in enumerate(periods):
        first = dt.date.min if period == "ever" else first_day(as_of, period)
        if place < under_way:
            spans.append((_NO_DAY if period == "ever" else day(first), day(as_of)))
            continue
        before = first - dt.timedelta(days=1)
        spans.append((day(first_day(before, period)), day(before)) if first.replace(day=1) == as_of.replace(day=1) else NO_DAYS)
    first_days, last_days = np.array(spans, dtype=np.int64).reshape(-1, 2).T[:, :, None]
    turns = np.unique(np.concatenate((first_days, last_days + 1)))
    stretch = np.append(turns[:1] - 1, turns)  # each begins where the one before is over
    return turns, pack((stretch >= first_days) & (stretch <= last_days))


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


def drawings(facts: Mapping[str, Fact]) -> dict[str, Drawing]:
    """How the facts of every table are drawn, by table; formulas are worked out one by one and are not among them."""
    by_table: dict[str, dict[str, Fact]] = {}
    for name, fact in facts.items():
        if fact.formula is None:
            by_table.setdefault(fact.table, {})[name] = fact
    return {table: Drawing(table, declared) for table, declared in by_table.items()}
