"""Named formulas of policy: numbers that a file cannot draw from one table, each with the clause that defines it.

Income is counted over twelve months and per head of those who share the budget; see `features.accounts` for the months that count.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

import numpy as np

from features.accounts import POLICY
from features.register import Array, FloatArray, TableView
from features.seen import ILLNESS_BILL, Seen

Formula = Callable[[Seen], FloatArray]
Kind = Callable[[TableView], Array]


def pc_net_income(seen: Seen) -> FloatArray:
    """Per-capita net income of the last twelve known months, transfers included: wages, business, property and transfers less expenses."""
    return seen.pc_net_income


def pc_market_income(seen: Seen) -> FloatArray:
    """The same without policy transfers."""
    own: FloatArray = seen.accounts.net - seen.accounts.by_source[:, POLICY]
    return own / seen.size


def net_income(seen: Seen) -> FloatArray:
    """Net income of the household in the last twelve known months, yuan."""
    net: FloatArray = seen.accounts.net
    return net


def reference_income(seen: Seen) -> FloatArray:
    """Net income less what the household paid of bills as the insurer counts it; claims are not held apart and count as nothing."""
    events = seen.events
    left: FloatArray = seen.accounts.net - events.table.total(events.compliant * events.this_year)
    return left


def income_fall(seen: Seen) -> FloatArray:
    """Share by which net income fell against the year before; negative where it rose, not evaluable where there was none."""
    now, before = seen.accounts.nets
    fall: FloatArray = 1.0 - now / np.where(before > 0, before, np.nan)
    return fall


def rigid_expenditure_share(seen: Seen) -> FloatArray:
    """Share of a year's net income that medical self-payment and losses of twelve months took; none is known under an income of nothing."""
    events, net = seen.events, seen.accounts.net
    loss = np.where(events.of_kind[ILLNESS_BILL], events.paid, events.cost)
    share: FloatArray = events.table.total(loss * events.this_year) / np.where(net > 0, net, np.nan)
    return share


def poverty_line(seen: Seen) -> FloatArray:
    """The poverty line in force: the national standard, else two thirds of the monitoring line."""
    line: FloatArray = seen.lines[0]
    return line


def monitoring_line(seen: Seen) -> FloatArray:
    """The monitoring line in force."""
    line: FloatArray = seen.lines[1]
    return line


def exited(seen: Seen) -> FloatArray:
    """1 for a household that has left poverty, 0 for an ordinary one."""
    return seen.exited


def monitored(seen: Seen) -> FloatArray:
    """1 where identified as monitored and not eliminated."""
    decisions = seen["monitoring"]
    under_way = (decisions["identified_on"] <= seen.day) & (decisions["eliminated_on"] > seen.day)
    return np.minimum(decisions.total(under_way), 1.0)


def exit_year(seen: Seen) -> FloatArray:
    """Year of leaving poverty."""
    return seen.exit_year


def relocated(seen: Seen) -> FloatArray:
    """1 for a relocated household."""
    return seen.relocated


def size(seen: Seen) -> FloatArray:
    """Persons who share the budget."""
    return seen.size


def workers(seen: Seen) -> FloatArray:
    """Members who work on the date, each counted once."""
    spells = seen["employment"]
    current = (spells["start_date"] <= seen.day) & (spells["end_date"] > seen.day)
    persons = np.unique(_persons(spells)[current])
    return np.bincount(persons >> 32, minlength=seen.n).astype(np.float64)


def months_since_identification(seen: Seen) -> FloatArray:
    """Whole months since the household was last identified as monitored; NaN where it never was."""
    decisions = seen["monitoring"]
    held = np.where(decisions["identified_on"] <= seen.day, decisions["identified_on"], np.nan)
    latest = decisions.highest(held)
    days = np.where(np.isnan(latest), 0, latest).astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    into = (days - days.astype("datetime64[M]")).astype(np.int64)
    today = np.datetime64(seen.as_of)
    this_month, day_of_month = today.astype("datetime64[M]").astype(np.int64), (today - today.astype("datetime64[M]")).astype(np.int64)
    return np.where(np.isnan(latest), np.nan, this_month - months - (into > day_of_month))


def half_year_income(seen: Seen) -> FloatArray:
    """Per-capita net income of the lower of the last two known quarters, as if it went on for a year."""
    lower: FloatArray = seen.accounts.quarters[:, :2].min(axis=1)
    return lower * 4 / seen.size


def newly_disabled(seen: Seen) -> FloatArray:
    """Present members with a disability on record who had none on record a year ago; NaN where no member is on record."""
    return _changed_in_a_year(seen, lambda people: people["disability_level"] > 0, lambda people: ~(people["disability_level"] > 0))


def left_dibao(seen: Seen) -> FloatArray:
    """Present members not on dibao who were on it a year ago; NaN where no member is on record."""
    return _changed_in_a_year(seen, lambda people: people["dibao"] == 0, lambda people: people["dibao"] > 0)


def _changed_in_a_year(seen: Seen, now: Kind, then: Kind) -> FloatArray:
    """Present members who are of one kind now and were of the other a year ago, as known then."""
    people, before = seen.people.table, seen.register.at(seen.as_of - dt.timedelta(days=365))["members"]
    was = _persons(before)[then(before)]
    changed: FloatArray = people.total(now(people) & np.isin(_persons(people), was))
    return np.where(seen.people.count > 0, changed, np.nan)


def _persons(rows: TableView) -> Array:
    """A number of its own for each member of each household."""
    key: Array = rows.household.astype(np.int64) << 32 | rows["member_id"].astype(np.int64) & 0xFFFFFFFF
    return key


def not_held(seen: Seen) -> FloatArray:
    """What no register holds is not known of anybody."""
    return np.full(seen.n, np.nan)


def risk_confirmed(seen: Seen) -> FloatArray:
    """1 where whoever went there last within twelve months found a risk, or it is monitored; 0 where none was found; NaN: nobody looked."""
    visits = seen["visits"]
    went = (visits["visited_on"] > seen.day - 365) & (visits["visited_on"] <= seen.day) & (visits["found"] >= 0) & (visits["found"] <= 1)
    latest = visits.highest(np.where(went, visits["visited_on"] * 2.0 + (visits["found"] == 1), np.nan))
    found = latest % 2
    return np.where(monitored(seen) > 0, 1.0, found)


FORMULAS: Mapping[str, Formula] = {
    formula.__name__: formula
    for formula in (
        pc_net_income, pc_market_income, net_income, reference_income, income_fall, rigid_expenditure_share, poverty_line, monitoring_line,
        exited, monitored, exit_year, relocated, size, workers, months_since_identification, half_year_income, newly_disabled, left_dibao,
        risk_confirmed, not_held,
    )
}  # fmt: skip
