"""Income arithmetic: what a household earned in twelve months, by source, from rows of any period.

Net income = wage + business − business expense + property + policy transfers + other transfers; per capita = ÷ sharing
size. Quarterly rows are summed over the last twelve months that the household's rows cover (a month counts as covered
once any source reported it and none of its amounts is blank) and scaled to twelve months; for a source reported only by
the year, its latest yearly row is taken.

Worked example, seen on 2023-12-31: wages 3,000 a quarter for 2022Q4…2023Q3, the fourth quarter of 2023 not yet known,
farm income 8,000 for the year 2022. Last covered month: 2023-09. Wage 12,000, business 8,000, net 20,000; with four
persons 5,000 per capita. With only 2023Q2 and 2023Q3 known, wages are 6,000 in six covered months: again 12,000 a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.register import NEVER, Array, FloatArray, IntArray, View
from features.tables import INCOME_SOURCES

SOURCES = tuple(code for code, _ in INCOME_SOURCES)
N_SOURCES = len(SOURCES)
SIGNS = np.array([-1.0 if code == "business_expense" else 1.0 for code in SOURCES])
POLICY = SOURCES.index("transfer_policy")
YEAR = 12
MEMORY_MONTHS = 48  # how far back months are told apart, one bit each
QUARTERS = 8
_THIS_YEAR_AND_BEFORE = np.array([[0], [YEAR]], dtype=np.int32)
_EVERY_QUARTER = 3 * np.arange(QUARTERS)
STALE_MONTHS = 24  # income older than this says nothing of today: not evaluable


@dataclass(frozen=True)
class Accounts:
    """Yearly income of each household as known on a date.

    Attributes:
        by_source: (n, sources) yuan a year of the household in the last twelve covered months; NaN rows where nothing
            is known.
        before: the same for the twelve months before those.
        quarters: (n, 8) net yuan by quarter, counted back from the last covered month; NaN where a quarter is not
            wholly covered.
        last_month: (n,) last covered month, -1 where none.
        covered: (n,) months covered within the last twelve.
    """

    by_source: FloatArray
    before: FloatArray
    quarters: FloatArray
    last_month: IntArray
    covered: FloatArray

    @cached_property
    def net(self) -> FloatArray:
        """Net income of the household, yuan a year."""
        total: FloatArray = self.by_source @ SIGNS
        return total

    @cached_property
    def net_before(self) -> FloatArray:
        """Net income one year earlier, yuan a year."""
        total: FloatArray = self.before @ SIGNS
        return total


def accounts(view: View) -> Accounts:
    """The income accounts of all households as known on the view's date."""
    rows = view.between("incomes", view.month - MEMORY_MONTHS + 1, int(NEVER))
    n = view.n
    if not len(rows):
        unknown = np.full((n, N_SOURCES), np.nan)
        return Accounts(unknown, unknown, np.full((n, 8), np.nan), np.full(n, -1, dtype=np.int32), np.zeros(n))
    household = rows.household
    length = rows["period_end"] - rows["period_start"] + 1
    age = view.month - rows["period_end"]  # months since the period ended
    usable = (age >= 0) & (age < MEMORY_MONTHS)
    known = usable & ~np.isnan(rows["amount"])
    short = length < YEAR
    bits = _bits(age, length, usable)
    short_known = known & short
    yearly_rows = known & ~short
    reported, blank, by_quarter = rows.union(bits * np.array([known, usable & short & ~known, short_known]))
    by_quarter &= ~blank
    covered = reported & ~blank
    newest = _lowest_bit(covered)  # months between as_of and the last covered month; 64 where none

    amount = np.where(known, rows["amount"], 0.0)
    back = age - newest[household]  # months between the period's end and the household's last covered month
    key = household * N_SOURCES + rows["source"]
    size = n * N_SOURCES
    window = _window(newest + _THIS_YEAR_AND_BEFORE)  # this year, the year before
    seen = window & by_quarter  # a row counts with its months inside the window, where the household's month is covered
    months = np.bitwise_count(seen)
    inside = np.bitwise_count(bits & seen[:, household]) * short_known
    place = np.concatenate((key, key + size))
    sums = np.bincount(place, weights=(amount * inside / length).ravel(), minlength=2 * size).reshape(2, n, N_SOURCES)
    years = sums * (YEAR / np.maximum(months, 1))[:, :, None]
    anything = months > 0
    if yearly_rows.any():
        for which, shift in enumerate((0, YEAR)):
            long = yearly_rows & (back >= shift) & (back < shift + YEAR)
            # of a source's yearly rows that end inside the window the latest stands for it, unless it is also reported
            # by the quarter
            latest = np.full(size, NEVER, dtype=np.int64)
            np.minimum.at(latest, key[long], back[long])
            chosen = long & (back == latest[key])
            rate = np.bincount(key[chosen], weights=(amount * YEAR / length)[chosen], minlength=size).reshape(n, N_SOURCES)
            quarterly = np.bincount(key[inside[which] > 0], minlength=size).reshape(n, N_SOURCES) > 0
            years[which] = np.where(quarterly, years[which], rate)
            anything[which] |= np.bincount(household[chosen], minlength=n) > 0
    years[~anything] = np.nan
    years[0, newest >= STALE_MONTHS] = np.nan

    quarter = back // 3
    fits = known & (length == 3) & (back >= 0) & (quarter < QUARTERS) & (back % 3 == 0)
    signed = amount * SIGNS[rows["source"]]
    quarters = np.asarray(
        np.bincount((household * QUARTERS + quarter)[fits], weights=signed[fits], minlength=n * QUARTERS),
        dtype=np.float64,
    ).reshape(n, QUARTERS)
    three = np.uint64(7) << (np.minimum(newest, MEMORY_MONTHS - 24)[:, None] + _EVERY_QUARTER).astype(np.uint64)
    quarters[(by_quarter[:, None] & three) != three] = np.nan
    last_month = np.where(newest < MEMORY_MONTHS, view.month - newest, -1).astype(np.int32)
    return Accounts(years[0], years[1], quarters, last_month, np.bitwise_count(covered & window[0]).astype(np.float64))


def income_between(view: View, first: int, last: int) -> tuple[FloatArray, FloatArray]:
    """Net income of the households in a span of months, and how many of its months are covered: for outcomes, not for features.

    Args:
        view: as known when the outcome is looked up.
        first: first month, since 1970-01.
        last: last month, inclusive; at most 48 months after first.

    Returns:
        (n, sources) yuan in the span, rows prorated by their months inside it; (n,) months covered.
    """
    rows = view.between("incomes", first, last)
    n = view.n
    length = rows["period_end"] - rows["period_start"] + 1
    inside = np.minimum(rows["period_end"], last) - np.maximum(rows["period_start"], first) + 1
    hit = inside > 0
    blank = np.isnan(rows["amount"])
    share = np.where(hit & ~blank, inside / length, 0.0)
    key = rows.household * N_SOURCES + rows["source"]
    amount = np.where(blank, 0.0, rows["amount"]) * share
    sums = np.asarray(np.bincount(key, weights=amount, minlength=n * N_SOURCES), dtype=np.float64).reshape(n, N_SOURCES)
    end = last - np.minimum(rows["period_end"], last)
    bits = _bits(end, np.where(hit, inside, 0), hit)
    covered = rows.union(bits * (hit & ~blank)) & ~rows.union(bits * (hit & blank))
    return sums, np.bitwise_count(covered).astype(np.float64)


def _bits(age: Array, length: Array, usable: Array) -> Array:
    """A row's months as bits, bit k for the month k before the view's month."""
    one = np.uint64(1)
    width = np.minimum(np.where(usable, length, 0), 63).astype(np.uint64)
    return np.asarray(((one << width) - one) << np.where(usable, age, 0).astype(np.uint64))


def _lowest_bit(bits: Array) -> IntArray:
    """Index of the lowest bit that is set; 64 where none is."""
    one = np.uint64(1)
    return np.asarray(np.bitwise_count((bits & (~bits + one)) - one), dtype=np.int32)


def _window(newest: IntArray) -> Array:
    """Twelve months counted back from a month, as bits."""
    return np.uint64(2**YEAR - 1) << np.minimum(newest, 50).astype(np.uint64)
