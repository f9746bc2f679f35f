"""Income arithmetic: what a household earned in twelve months, by source, from rows of any period.

Net income = wage + business − business expense + property + policy transfers + other transfers; per capita = ÷ sharing
size. Quarterly rows are summed over the last twelve months that the household's rows cover (a month counts as covered
once any source reported it and none of its amounts is blank) and scaled to twelve months; for a source reported only by
the year, its latest yearly row is taken, and where that one is blank the household's income is not known.

Worked example, seen on 2023-12-31: wages 3,000 a quarter for 2022Q4…2023Q3, the fourth quarter of 2023 not yet known,
farm income 8,000 for the year 2022. Last covered month: 2023-09. Wage 12,000, business 8,000, net 20,000; with four
persons 5,000 per capita. With only 2023Q2 and 2023Q3 known, wages are 6,000 in six covered months: again 12,000 a year.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from features.money import to_fen
from features.register import NEVER, NO, Array, FloatArray, IntArray, View
from features.tables import INCOME_SOURCES

SOURCES = tuple(code for code, _ in INCOME_SOURCES)
N_SOURCES = len(SOURCES)
SIGNS = np.array([-1.0 if code == "business_expense" else 1.0 for code in SOURCES])
POLICY = SOURCES.index("transfer_policy")
YEAR = 12
MEMORY_MONTHS = 48  # how far back months are told apart, one bit each
QUARTERS = 8
STALE_MONTHS = 24  # income older than this says nothing of today: not evaluable

_NO_MONTH, _MONTH, _QUARTER, _TWELVE = (np.array(months, dtype=np.int32) for months in (-1, 1, 3, YEAR))

# Months are bits of a number, bit k for the month k before the view's month. What follows from how far back the household's last
# covered month is (0 … 47, or 64 where none is) is looked up in tables rather than shifted anew.
_LOWEST, _EVERY = np.array(1, dtype=np.uint64), np.array(2**64 - 1, dtype=np.uint64)
_RUNS = np.array([2**months - 1 for months in range(64)], dtype=np.uint64)  # that many months in a row
_NEWEST = np.arange(65, dtype=np.uint64)
_SPANS = np.array(
    [
        *(_RUNS[YEAR] << np.minimum(_NEWEST + np.uint64(YEAR * back), 50) for back in range(2)),  # this year, the year before
        *(_RUNS[3] << np.minimum(_NEWEST, MEMORY_MONTHS - 24) + np.uint64(3 * back) for back in range(QUARTERS)),
    ]
)
_AGE = np.where(_NEWEST < MEMORY_MONTHS, _NEWEST.astype(np.float64), np.nan)
_MONTHS_BACK = np.where(_NEWEST < MEMORY_MONTHS, _NEWEST.astype(np.int32), NEVER)
_TO_A_YEAR = np.array([np.nan, *(YEAR / months for months in range(1, YEAR + 1))])  # by months covered
# By the months between the end of a row and the household's last covered month (-64 … 47): which quarter back it is, `QUARTERS` for none.
_QUARTER_BACK = np.full(MEMORY_MONTHS + len(_NEWEST), QUARTERS)
_QUARTER_BACK[: 3 * QUARTERS : 3] = np.arange(QUARTERS)


class Accounts(NamedTuple):
    """Yearly income of each household as known on a date.

    Attributes:
        years: (2, n, sources) yuan a year of the household by source, in the last twelve covered months and in the twelve
            before those; NaN where nothing is known.
        nets: (2, n) yuan a year, their sum with expenses taken off.
        quarters: (n, 8) net yuan by quarter, counted back from the last covered month; NaN where a quarter is not
            wholly covered.
        last_month: (n,) last covered month, -1 where none.
        age: (n,) months between it and the date; NaN where none.
        covered: (n,) months covered within the last twelve.
    """

    years: FloatArray
    nets: FloatArray
    quarters: FloatArray
    last_month: IntArray
    age: FloatArray
    covered: Array

    @property
    def by_source(self) -> FloatArray:
        """Income of the household by source in the last twelve covered months, (n, sources) yuan a year."""
        of_this_year: FloatArray = self.years[0]
        return of_this_year

    @property
    def net(self) -> FloatArray:
        """Net income of the household in the last twelve covered months, (n,) yuan a year."""
        of_this_year: FloatArray = self.nets[0]
        return of_this_year


def accounts(view: View) -> Accounts:
    """The income accounts of all households as known on the view's date."""
    rows = view.ended("incomes", MEMORY_MONTHS)
    n = view.n
    if not len(rows):
        years, blank = np.full((2, n, N_SOURCES), np.nan), np.full((n, QUARTERS), np.nan)
        return Accounts(years, years[:, :, 0], blank, np.full(n, -1, dtype=np.int32), blank[:, 0], np.zeros(n))
    household, source, amount = rows.household, rows["source"], rows["amount"]
    age = view.month - rows["period_end"]  # months since the period ended
    length = rows["period_end"] - rows["period_start"] + _MONTH
    known, short = ~np.isnan(amount), length < _TWELVE
    of_a_year = ~short
    by_the_year = known & of_a_year
    bits = _RUNS.take(length, mode="clip") << age.astype(np.uint64)
    quarterly_bits = bits * (known & short)
    blank = short > known
    told = ~rows.union(bits * blank) if np.count_nonzero(blank) else _EVERY  # months of which no amount is blank
    by_quarter = rows.union(quarterly_bits) & told
    yearly = np.count_nonzero(of_a_year) > 0
    covered = by_quarter | (rows.union(bits * by_the_year) & told) if yearly else by_quarter
    newest = np.bitwise_count(~covered & (covered - _LOWEST)).astype(np.int32)  # the lowest bit that is set, 64 where none is

    amount = np.where(known, amount, NO)
    back = age - newest.take(household)  # months between the period's end and the household's last covered month
    key = household * N_SOURCES + source
    size = n * N_SOURCES
    spans = _SPANS.take(newest, axis=1)
    seen = spans & by_quarter  # a row counts with its months inside a year, where the household's month is covered
    months = np.bitwise_count(seen[:2])
    inside = np.bitwise_count(quarterly_bits & seen[:2].take(household, axis=1))
    place = np.concatenate((key, key + size))
    sums = np.bincount(place, weights=(amount * inside / length).ravel(), minlength=2 * size).reshape(2, n, N_SOURCES)
    scale = _TO_A_YEAR.take(months)
    stale = newest >= STALE_MONTHS
    scale[0, stale] = np.nan
    years = sums * scale[:, :, None]
    if yearly:
        for which, shift in enumerate((0, YEAR)):
            long = of_a_year & (back >= shift) & (back < shift + YEAR)
            # of a source's yearly rows that end inside the window the latest stands for it, a blank one too, unless it is
            # also reported by the quarter
            latest = np.full(size, NEVER, dtype=np.int64)
            np.minimum.at(latest, key[long], back[long])
            chosen = long & (back == latest[key])
            rate = np.bincount(key[chosen], weights=(rows["amount"] * YEAR / length)[chosen], minlength=size).reshape(n, N_SOURCES)
            quarterly = np.bincount(key[inside[which] > 0], minlength=size).reshape(n, N_SOURCES) > 0
            nothing = (months[which] == 0) & (np.bincount(household[chosen & known], minlength=n) == 0)
            years[which] = np.where(quarterly, years[which], rate)
            years[which, nothing | stale if which == 0 else nothing] = np.nan

    quarter = _QUARTER_BACK.take(back)
    signed = amount * SIGNS.take(source) * (length == _QUARTER)
    with_none = np.bincount(household * (QUARTERS + 1) + quarter, weights=signed, minlength=n * (QUARTERS + 1))
    quarters: FloatArray = np.asarray(with_none, dtype=np.float64).reshape(n, QUARTERS + 1)[:, :QUARTERS]
    quarters.T[seen[2:] != spans[2:]] = np.nan
    last_month = np.maximum(view.month - _MONTHS_BACK.take(newest), _NO_MONTH)
    # not `@`, which adds in another order for many households than for one
    nets = to_fen(np.add.reduce(years * SIGNS, axis=-1))
    return Accounts(years, nets, quarters, last_month, _AGE.take(newest), np.bitwise_count(covered & spans[0]))


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
    bits = _RUNS.take(np.where(hit, inside, 0)) << end.astype(np.uint64)
    covered = rows.union(bits * (hit & ~blank)) & ~rows.union(bits * (hit & blank))
    return sums, np.bitwise_count(covered).astype(np.float64)
