"""Which rows several askings mean, all of them at once: an asking is one bit, so a row costs the same however many there are.

Worked example. Two facts ask of the members {dropped_out: true} and {dropped_out: false, age: {at_least: 16}}. Of each column it is told
once what each thing that may stand there answers: of `dropped_out`, no gives bits 01, yes gives 10, a blank gives 00, or 11 for what may
be. Ages fall into three stretches, under 16, 16 itself and above, and a blank. A member with dropped_out = no and age 20 is looked up in
both tables, and what the two have in common is the answer: the second fact means it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from features.policy.declared import AT_MOST, DERIVED, Cell, Range, column_of
from features.register import Array, BoolArray, FloatArray, TableView
from features.seen import Seen
from features.tables import Kind

HOLDERS = {"members": "people", "events": "events"}
"""Where a view of the register holds the columns that a table itself does not: `DERIVED`."""
LAST_OF_DECEMBER = (12, 31)
WORD = 64  # askings to a number


def pack(which: BoolArray) -> Array:
    """Truths of several askings, (askings, x), as bits, (x, words)."""
    askings, length = which.shape
    room = np.zeros((length, -(-askings // WORD) * WORD), dtype=bool)
    room[:, :askings] = which.T
    return np.packbits(room, axis=1, bitorder="little").view(np.uint64)


def spread(bits: Array, askings: int) -> BoolArray:
    """Bits, (x, words), as truths, (x, askings)."""
    truths: BoolArray = np.unpackbits(bits.view(np.uint8), axis=1, count=askings, bitorder="little").view(np.bool_)
    return truths


class Cells:
    """The cells of some rows."""

    def __init__(self, seen: Seen, table: str, rows: TableView) -> None:
        self.seen, self.table, self.rows = seen, table, rows

    def number(self, column: str) -> FloatArray:
        """A column as numbers: yes is 1, no is 0, NaN is blank."""
        if column in DERIVED.get(self.table, {}):
            derived: FloatArray = getattr(getattr(self.seen, HOLDERS[self.table]), column)
            return derived
        numbers: FloatArray = self.rows[column].astype(np.float64)
        return numbers

    def bounds(self, column: str) -> tuple[FloatArray, FloatArray]:
        """The least and the most that each cell of a column of numbers, none of them negative, can be: of a blank nothing, and anything."""
        number = self.number(column)
        most = np.where(np.isnan(number), self.number(AT_MOST[column]), number) if column in AT_MOST else number
        return np.where(np.isnan(number), 0.0, number), np.where(np.isnan(most), np.inf, most)

    def slack(self, column: str) -> float:
        """By how much each number of a column may be too high.

        Of a person's age the year of birth alone is on record: whose birthday is still to come, perhaps, may be a year younger.
        """
        birthdays_are_over = (self.seen.as_of.month, self.seen.as_of.day) == LAST_OF_DECEMBER
        return 1.0 if column == "age" and not birthdays_are_over else 0.0

    def code(self, column: str) -> Array:
        """A category or a yes-no column as places in `_codes`; -1 is blank."""
        cells = self.number(column) if column in DERIVED.get(self.table, {}) else self.rows[column]
        return np.where(np.isnan(cells), -1.0, cells).astype(np.int8) if cells.dtype.kind == "f" else cells


def _codes(table: str, column: str) -> tuple[str | bool, ...] | None:
    """What may stand in a column of which each entry is one of a few; None for numbers."""
    if (declared := column_of(table, column)) is None:
        return (False, True) if DERIVED[table][column] == "flag" else None
    return {Kind.CATEGORY: declared.codes, Kind.FLAG: (False, True)}.get(declared.kind)


class Choice:
    """By one column, which rows each of several askings means.

    Args:
        column: its name.
        wanted: what each asks of it; None where one asks nothing.
        codes: what may stand there; None where it holds numbers.
    """

    def __init__(self, column: str, wanted: Sequence[Cell | None], codes: tuple[str | bool, ...] | None) -> None:
        self.column = column
        self.coded = codes is not None
        self._tables = {0.0: _of_codes(wanted, codes)} if codes is not None else {slack: _of_numbers(wanted, slack) for slack in (0.0, 1.0)}

    def hold(self, cells: Cells) -> tuple[Array, Array]:
        """Bits, (rows, words): where the column says what is wanted, and where it does or is blank."""
        if self.coded:
            (_, holds, fits), place = self._tables[0.0], cells.code(self.column)
        else:
            numbers = cells.number(self.column)
            points, holds, fits = self._tables[cells.slack(self.column)]
            place = points.searchsorted(numbers) + points.searchsorted(numbers, "right")
        return holds.take(place, axis=0), fits.take(place, axis=0)


def choices(table: str, asked: Sequence[Mapping[str, Cell]]) -> list[Choice]:
    """By each column that is asked for, which rows each of several askings means."""
    columns = sorted({column for cells in asked for column in cells})
    return [Choice(column, [cells.get(column) for cells in asked], _codes(table, column)) for column in columns]


_Table = tuple[Array, Array, Array]  # where stretches of numbers end; bits of what holds, and of what fits, for each stretch or code


def _of_codes(wanted: Sequence[Cell | None], codes: Sequence[str | bool]) -> _Table:
    free = np.array([[cell is None] for cell in wanted])
    listed = [cell if isinstance(cell, list) else [cell] for cell in wanted]
    named = np.array([[cell is None or code in cells for code in codes] for cell, cells in zip(wanted, listed, strict=True)])
    # the last place, which is also the one before the first, is a blank's
    return np.empty(0), pack(np.concatenate((named, free), axis=1)), pack(np.concatenate((named, np.ones_like(free)), axis=1))


def _of_numbers(wanted: Sequence[Cell | None], slack: float) -> _Table:
    """Every asking answers alike for all numbers between two of the points at which one of them turns; so it is asked of one such number.

    The stretches are, by the points p, q, …: under p, p, between p and q, q, …, above the last, blank.
    """
    bounds = [_bounds(cell) for cell in wanted]
    lists = {place: np.array(cell, dtype=np.float64) for place, cell in enumerate(wanted) if isinstance(cell, list)}
    turns = np.concatenate(([0.0], *bounds, *lists.values()))  # zero, so that there is one
    turns = turns[np.isfinite(turns)]
    points = np.unique(np.concatenate((turns, turns + slack)))
    between = np.concatenate((points[:1] - 1.0, (points[1:] + points[:-1]) / 2, points[-1:] + 1.0))
    most = np.stack((between, np.append(points, np.nan)), axis=1).ravel()
    least = most - slack
    low, high = (np.array([[bound[side]] for bound in bounds]) for side in range(2))
    fits = ~(most < low) & ~(least > high)  # a blank fits
    holds = (least >= low) & (most <= high)
    for place, numbers in lists.items():
        among = [np.isin(values, numbers) for values in (least, most)]
        fits[place], holds[place] = np.isnan(most) | among[0] | among[1], among[0] & among[1]
    free = np.array([[cell is None] for cell in wanted])
    return np.append(points, np.nan), pack(holds | free), pack(fits)


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
