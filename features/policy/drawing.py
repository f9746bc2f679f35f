"""Draws all facts of one table together: the number of steps, the price for one household, goes with columns and not with facts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from features.money import in_yuan, to_fen
from features.policy.declared import DERIVED, WINDOWED, Cell, Fact, Range
from features.policy.span import Span
from features.register import Array, BoolArray, FloatArray, TableView, day
from features.seen import Seen
from features.tables import TABLES, Kind

LAST_OF_DECEMBER = (12, 31)
SCHOOL_YEAR_MONTH = 9  # school years begin on 1 September
ENDING = ("month", "calendar_year", "school_year")
"""Periods that end on a day of the calendar. Departments push what came in until the end of a month in the next one [P46], so in the month
after its end a period still counts, beside the one under way: the larger of the two is told."""
_NO_DAY = np.iinfo(np.int32).min
NO_DAYS = (0, _NO_DAY)  # from a day until one before it


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
        by_person = np.array([fact.per == "member" for fact in self.facts], dtype=bool)
        largest = np.array([fact.most is not None for fact in self.facts], dtype=bool) & ~by_person
        self.money = np.flatnonzero([bool(column) and in_yuan(TABLES[table].column(column)) for column in columns])
        self.by_person, self.largest = by_person.nonzero()[0], largest.nonzero()[0]
        self.summed = np.setdiff1d(np.arange(len(self.facts)), np.concatenate((self.by_person, self.largest)))

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
            low, high = self._bounds(seen, rows, cells)
            for bound in (low, high):
                bound[self.ended] = np.maximum(bound[self.ended], bound[len(self.names) :])
            told |= {name: Span(low[place], high[place]) for place, name in enumerate(self.names)}
        return told

    def newest(self, seen: Seen) -> dict[str, FloatArray]:
        """For every fact of rows that have a day, the last day of a row that it certainly counts; NaN where it counts none.

        Where one person stands for the household, the rows of that person count, and of a period under way and one that ended those of
        the one that is told.
        """
        rows = seen[self.table]
        cells = Cells(seen, self.table, rows)
        sure, least, _ = self._amounts(seen, rows, cells)
        for place in self.by_person:
            sure[place] &= _of_the_one_with_most(rows, least[place])
        days = rows.highest(np.where(sure, rows[WINDOWED[self.table]], np.nan))
        low, _ = self._bounds(seen, rows, cells)
        earlier = low[len(self.names) :] > low[self.ended]
        days[self.ended] = np.where(earlier, days[len(self.names) :], days[self.ended])
        return {name: days[place] for place, name in enumerate(self.names)}

    def _amounts(self, seen: Seen, rows: TableView, cells: Cells) -> tuple[BoolArray, FloatArray, FloatArray]:
        """(facts, rows) each: the rows that are certainly meant, and what each row comes to at the least and at the most."""
        sure, perhaps = self._chosen(seen, rows, cells)
        values = np.stack([np.ones(len(rows)), *(cells.number(column) for column in self.columns)]).take(self.column_of, axis=0)
        unknown = np.isnan(values)
        return sure, np.where(sure & ~unknown, values, 0.0), np.where(perhaps, np.where(unknown, np.inf, values), 0.0)

    def _bounds(self, seen: Seen, rows: TableView, cells: Cells) -> tuple[FloatArray, FloatArray]:
        _, least, most = self._amounts(seen, rows, cells)
        low, high = np.zeros((2, len(self.facts), seen.n))
        for places, reduce in ((self.summed, rows.total), (self.largest, rows.highest)):
            if len(places):
                both = reduce(np.concatenate((least[places], most[places])), 0.0)
                low[places], high[places] = both[: len(places)], both[len(places) :]
        if len(self.by_person):
            low[self.by_person], high[self.by_person] = _by_person(rows, seen.n, least[self.by_person], most[self.by_person])
        low[self.money], high[self.money] = to_fen(low[self.money]), to_fen(high[self.money])
        if (
            self.table == "members"
        ):  # members nobody has listed are not known not to be; of all other tables a household without rows has none
            high = np.where(seen.people.count > 0, high, np.inf)
        return low, high

    def _chosen(self, seen: Seen, rows: TableView, cells: Cells) -> tuple[BoolArray, BoolArray]:
        """(facts, rows): the rows that are certainly meant, and those that may be."""
        if self.table in WINDOWED:
            when = rows[WINDOWED[self.table]]
            first, last = _days(seen.as_of, self.periods, len(self.names))
            sure = (when >= first) & (when <= last)
        else:
            sure = np.ones((len(self.facts), len(rows)), dtype=bool)
        perhaps = sure.copy()
        asked: BoolArray | None = None
        for choice in self.asked_of:
            fits = choice.hold(cells)[1]
            asked = fits if asked is None else asked & fits
        for choice in self.where:
            holds, fits = choice.hold(cells)
            sure &= holds
            perhaps &= fits if asked is None else holds | (fits & asked)
        return sure, perhaps


class Cells:
    """The cells of some rows, each column read once."""

    def __init__(self, seen: Seen, table: str, rows: TableView) -> None:
        self.seen, self.table, self.rows = seen, table, rows

    def number(self, column: str) -> FloatArray:
        """A column as numbers: yes is 1, no is 0, NaN is blank."""
        if column in DERIVED.get(self.table, {}):
            derived: FloatArray = getattr(self.seen.people, column)
            return derived
        numbers: FloatArray = self.rows[column].astype(np.float64)
        return numbers

    def span(self, column: str) -> tuple[FloatArray, FloatArray]:
        """The least and the most that each number of a column can be; NaN is blank.

        Of a person's age the year of birth alone is on record: whose birthday is still to come, perhaps, may be a year younger.
        """
        most = self.number(column)
        birthdays_are_over = (self.seen.as_of.month, self.seen.as_of.day) == LAST_OF_DECEMBER
        return (most - 1.0, most) if column == "age" and not birthdays_are_over else (most, most)

    def code(self, column: str) -> Array:
        """A category or a yes-no column as places in `_codes`; -1 is blank."""
        cells = self.rows[column]
        return np.where(np.isnan(cells), -1.0, cells).astype(np.int8) if cells.dtype.kind == "f" else cells


def _codes(table: str, column: str) -> tuple[str | bool, ...] | None:
    """What may stand in a column of which each entry is one of a few; None for numbers."""
    if column in DERIVED.get(table, {}):
        return None
    declared = TABLES[table].column(column)
    return {Kind.CATEGORY: declared.codes, Kind.FLAG: (False, True)}.get(declared.kind)


class Choice:
    """By one column, which rows each of several facts means.

    Args:
        column: its name.
        wanted: what each fact asks of it; None where a fact asks nothing.
        codes: what may stand there; None where it holds numbers.
    """

    def __init__(self, column: str, wanted: Sequence[Cell | None], codes: tuple[str | bool, ...] | None) -> None:
        self.column = column
        self.codes = codes
        self.free = np.array([[cell is None] for cell in wanted])
        listed = [cell if isinstance(cell, list) else [cell] for cell in wanted]
        if codes is not None:
            named = np.array([[cell is None or code in cells for code in codes] for cell, cells in zip(wanted, listed, strict=True)])
            self.holds = np.concatenate((named, self.free), axis=1)  # the last place, which is also the one before the first, is a blank's
            self.fits = np.concatenate((named, np.ones_like(self.free)), axis=1)
            return
        bounds = [_bounds(cell) for cell in wanted]
        self.low, self.high = (np.array([[bound[side]] for bound in bounds]) for side in range(2))
        self.listed = {place: np.array(cell, dtype=np.float64) for place, cell in enumerate(wanted) if isinstance(cell, list)}

    def hold(self, cells: Cells) -> tuple[BoolArray, BoolArray]:
        """(facts, rows): where the column says what is wanted, and where it does or is blank."""
        if self.codes is not None:
            code = cells.code(self.column)
            return self.holds.take(code, axis=1), self.fits.take(code, axis=1)
        least, most = cells.span(self.column)
        fits = ~(most < self.low) & ~(least > self.high)  # a blank fits
        holds = (least >= self.low) & (most <= self.high)
        for place, wanted in self.listed.items():
            among = [np.isin(values, wanted) for values in (least, most)]
            fits[place], holds[place] = np.isnan(most) | among[0] | among[1], among[0] & among[1]
        return holds | self.free, fits


def choices(table: str, asked: Sequence[Mapping[str, Cell]]) -> list[Choice]:
    """By each column that is asked for, which rows each of several askings means."""
    columns = sorted({column for cells in asked for column in cells})
    return [Choice(column, [cells.get(column) for cells in asked], _codes(table, column)) for column in columns]


def _bounds(cell: Cell | None) -> tuple[float, float]:
    """The least and the most that a number may be, both included."""
    if isinstance(cell, Range):
        low, high = -np.inf, np.inf
        if cell.at_least is not None:
            low = max(low, cell.at_least)
        if cell.more_than is not None:
            low = max(low, float(np.nextafter(cell.more_than, np.inf)))
        if cell.at_most is not None:
            high = min(high, cell.at_most)
        if cell.less_than is not None:
            high = min(high, float(np.nextafter(cell.less_than, -np.inf)))
        return low, high
    if isinstance(cell, (bool, str, list)) or cell is None:
        return -np.inf, np.inf
    return cell, cell


def _by_person(rows: TableView, n: int, least: FloatArray, most: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows added up person by person, (facts, rows) → (facts, n); the person with most stands for the household.

    A row without a person is certainly somebody's, so it counts alone at the least, and at the most with everybody else's.
    """
    low, high = np.zeros((2, len(least), n))
    if not len(rows):
        return low, high
    household, nobody, person = rows.household.astype(np.int64), rows["member_id"] < 0, _person(rows)
    order = person.argsort(kind="stable")
    ordered = person[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    whose = household[order][starts]
    first = np.flatnonzero(np.concatenate(([True], whose[1:] != whose[:-1])))
    holders = whose[first]
    for out, values in ((low, least), (high, most)):
        out[:, holders] = np.maximum.reduceat(np.add.reduceat(values[:, order], starts, axis=1), first, axis=1)
    if np.count_nonzero(nobody):
        unnamed = rows.total(nobody & (most > 0)) > 0
        high = np.where(unnamed, rows.total(most), high)
    return low, high


def _person(rows: TableView) -> Array:
    """A number of its own for each person of each household; a row without a person is somebody's own."""
    member = rows["member_id"].astype(np.int64)
    key: Array = rows.household.astype(np.int64) << 32 | np.where(member < 0, 2**31 + np.arange(len(member)), member)
    return key


def _of_the_one_with_most(rows: TableView, values: FloatArray) -> BoolArray:
    """Which rows are of the person of the household whose rows come to most, (rows,)."""
    _, place = np.unique(_person(rows), return_inverse=True)
    of_the_person = np.bincount(place, weights=values)[place] if len(rows) else values
    return np.asarray(of_the_person == rows.highest(of_the_person)[rows.household])


@lru_cache
def _days(as_of: dt.date, periods: tuple[str, ...], under_way: int) -> tuple[Array, Array]:
    """(periods, 1) each: first and last day of each; kept, since requests ask for one date again and again.

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
    first_days, last_days = np.array(spans, dtype=np.int32).reshape(-1, 2).T
    return first_days[:, None], last_days[:, None]


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
