"""风险消除后再返贫：已消除监测的户现在的概率，以及消除后第几年跌破或再次识别的实际比例。Falling back after the monitoring was ended.

Two things stand side by side and are never mixed: what was observed of all households whose risk was eliminated, by years since, and what
the model says today of those that are not monitored now.

Worked example: eliminated on 2021-06-20. Its first year ends on 2022-06-20: within it, it was identified again or not. The twelve months of
income are those after the month of the elimination, 2021-07 … 2022-06, held against the line in force at their end. A year that has not
ended by the day of the report is not counted, nor one that began when the household was monitored again.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from features.accounts import SIGNS, income_between
from features.accounts import YEAR as MONTHS
from features.policy.registry import Policy
from features.register import Array, BoolArray, FloatArray, Register, last_full_month
from features.seen import Seen
from features.tables import CATEGORIES, TABLES
from models.replay import State, plain
from models.scenario import codes, inside
from models.tiers import TIERS

FEWEST = 30
"""Fewer households than this and a share says nothing: the interval would be as wide as the guess."""
LONGEST = 5
Z = 1.959964
TOO_FEW = "户数太少，不下结论 too few to say"
KINDS = TABLES["monitoring"].column("elimination_kind").codes


@dataclass(frozen=True, slots=True)
class Cleared:
    """曾消除监测的情况，一次消除一行。Every elimination known on a day, one row each.

    Attributes:
        household: index in the register.
        on, again_on: days since 1970-01-01; when the risk was eliminated, and the next identification after it, infinity where none.
        kind, category: codes of how, and of what it was before; -1 not said.
    """

    household: Array
    on: Array
    again_on: FloatArray
    kind: Array
    category: Array


def cleared(seen: Seen, where: str = "") -> Cleared:
    """某地某日已知的全部消除。The eliminations that were known on a day, of households that live in a place."""
    rows = seen["monitoring"]
    household, began, ended = rows.household, rows["identified_on"].astype(np.int64), rows["eliminated_on"].astype(np.int64)
    chosen = np.flatnonzero((ended <= int(seen.day)) & inside(seen, where)[household])
    again = np.full(len(chosen), np.inf)
    for at, row in enumerate(chosen.tolist()):
        own = slice(*household.searchsorted((household[row], household[row] + 1)))
        later = began[own][(began[own] > ended[row]) & (began[own] <= int(seen.day))]
        again[at] = later.min() if len(later) else np.inf
    return Cleared(household[chosen], ended[chosen], again, rows["elimination_kind"][chosen], rows["category"][chosen])


def observed(register: Register, as_of: dt.date, policy: Policy, where: str = "", longest: int = LONGEST) -> list[dict[str, Any]]:
    """消除后逐年的实际比例。By years since elimination: how many were identified again, and how many had an income under the line.

    Args:
        register: the facts.
        as_of: nothing known later counts.
        policy: lines by date.
        where: area code; "" is everywhere.
        longest: so many years are told.

    Returns:
        one row for each of {all, by_help, naturally} × year × {identified_again, under_line}: n, events, share, low, high (95 %, Wilson)
        and `said`, which is "too few to say" under `FEWEST`, where share, low and high are null. An elimination is the unit.
    """
    seen = Seen(register, as_of, policy)
    cases = cleared(seen, where)
    own = np.zeros(len(register), dtype=bool)
    own[cases.household] = True
    some = Seen(register.select(own), as_of, policy)
    place = np.cumsum(own) - 1
    groups = {"all": np.ones(len(cases.on), dtype=bool)} | {kind: cases.kind == at for at, kind in enumerate(KINDS)}
    told = []
    for year in range(1, longest + 1):
        begins, ends = (_after(cases.on, years) for years in (year - 1, year))
        counted = (ends <= int(seen.day)) & (cases.again_on > begins)
        outcomes = {
            "identified_again": np.where(counted, (cases.again_on <= ends) * 1.0, np.nan),
            "under_line": np.where(counted, _under(some, policy, place[cases.household], cases.on, year), np.nan),
        }
        for group, chosen in groups.items():
            for name, outcome in outcomes.items():
                told.append({"group": group, "year": year, "outcome": name} | share(outcome[chosen]))
    return told


def _after(days: Array, years: int) -> Array:
    """The same day of the year so many years later; of 29 February the first of March."""
    whole = days.astype("datetime64[D]")
    months = whole.astype("datetime64[M]")
    later: Array = ((months + 12 * years).astype("datetime64[D]") + (whole - months.astype("datetime64[D]"))).astype(np.int64)
    return later


def _under(seen: Seen, policy: Policy, household: Array, on: Array, year: int) -> FloatArray:
    """1 where the income of the twelve months of that year lies under the poverty line at their end, NaN where it is not known."""
    last = on.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + MONTHS * year
    under = np.full(len(household), np.nan)
    counties = np.array([village[:6] for village in codes(seen.register)] + [""])[seen.village]
    for month in np.unique(last[last <= last_full_month(seen.as_of)]).tolist():
        sums, months = income_between(seen, month - MONTHS + 1, month)
        with np.errstate(invalid="ignore"):
            earned = np.where(months >= MONTHS, (sums @ SIGNS) / seen.size, np.nan)
        end = (np.datetime64(month + 1, "M").astype("datetime64[D]") - 1).item()
        line_of = {county: policy.lines(end, county).poverty for county in np.unique(counties).tolist()}
        line = np.array([np.nan if line_of[county] is None else line_of[county] for county in counties.tolist()], dtype=np.float64)
        poor = np.where(np.isnan(earned) | np.isnan(line), np.nan, earned < line)
        here = last == month
        under[here] = poor[household[here]]
    return under


def share(outcome: FloatArray) -> dict[str, Any]:
    """一个比例及其区间。A share with its 95 % interval (Wilson); NaN outcomes are not counted.

    >>> share(np.array([1.0] * 10 + [0.0] * 90))
    {'n': 100, 'events': 10, 'share': 0.1, 'low': 0.0552, 'high': 0.1744, 'said': ''}
    >>> share(np.array([1.0, np.nan]))["share"] is None
    True
    """
    known = outcome[~np.isnan(outcome)]
    n, events = len(known), int(known.sum())
    if n < FEWEST:
        return {"n": n, "events": events, "share": None, "low": None, "high": None, "said": TOO_FEW}
    rate, wide = events / n, Z * Z / n
    middle, half = (rate + wide / 2) / (1 + wide), Z * sqrt(rate * (1 - rate) / n + wide / (4 * n)) / (1 + wide)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return {"n": n, "events": events, "share": round(rate, 4), "low": round(low, 4), "high": round(high, 4), "said": ""}


def report(register: Register, as_of: dt.date, policy: Policy, now: State, *, where: str = "", longest: int = LONGEST) -> dict[str, Any]:
    """风险消除后返贫报告。Who was eliminated and is not monitored now, with today's probability; and what was observed by years since.

    Args:
        register: the facts.
        as_of: the day.
        policy: lines by date.
        now: the register as scored on the day.
        where: area code; "" is everywhere.
        longest: years since elimination that are told.
    """
    seen = Seen(register, as_of, policy)
    cases = cleared(seen, where)
    latest = np.full(len(register), -1)
    order = np.argsort(cases.on, kind="stable")
    latest[cases.household[order]] = order
    latest[seen.monitored == 1] = -1
    position = now.frame.position
    listed = now.scores.order
    rows = listed[latest[position[listed]] >= 0]
    case = latest[position[rows]]
    scores = now.scores
    since = (int(seen.day) - cases.on[case]) / 365.25
    villages = np.array([*codes(register), ""])
    columns = {
        "household_id": now.frame.household_id[rows],
        "village_code": villages[now.frame.facts.village[rows]],
        "category": _words([code for code, _ in CATEGORIES], cases.category[case]),
        "elimination_kind": _words(KINDS, cases.kind[case]),
        "eliminated_on": cases.on[case].astype("datetime64[D]").astype(np.str_),
        "years_since": np.round(since, 2),
        "state": scores.state[rows],
        "tier": scores.tier[rows],
        "probability": scores.probability[rows],
        "low": scores.low[rows],
        "high": scores.high[rows],
        "listed": now.listed[rows],
    }
    return {
        "where": where,
        "as_of": as_of.isoformat(),
        "model": scores.version,
        "policy": policy.version,
        "synthetic": register.info.synthetic,
        "eliminations": len(cases.on),
        "households": len(rows),
        "tiers": {tier: int((scores.tier[rows] == tier).sum()) for tier in TIERS[::-1]},
        "below_line": int((scores.state[rows] == "below_line").sum()),
        "by_years_since": [_now(year, longest, since, scores.probability[rows]) for year in range(1, longest + 2)],
        "observed": observed(register, as_of, policy, where, longest),
        "list": plain(columns),
    }


def _now(year: int, longest: int, since: FloatArray, probability: FloatArray) -> dict[str, Any]:
    """Today's mean probability of the households in a year since their elimination; the last row is of all later ones."""
    chosen: BoolArray = (since >= year - 1) & ((since < year) | (year > longest)) & ~np.isnan(probability)
    n = int(chosen.sum())
    mean = round(float(probability[chosen].mean()), 4) if n >= FEWEST else None
    return {"year": year, "and_later": year > longest, "scored": n, "mean_probability": mean, "said": "" if n >= FEWEST else TOO_FEW}


def _words(words: tuple[str, ...] | list[str], at: Array) -> Array:
    return np.array([*words, ""])[at]
