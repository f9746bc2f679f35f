"""What is known of one household, for those who go to its door: read from the same arrays as its score, as known on the list's day.

Of children nothing is told but how many there are. Ids of members are not told.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from features.accounts import POLICY, SIGNS, SOURCES, income_between
from features.register import NEVER, TableView
from features.seen import ILLNESS_BILL, Seen
from features.tables import TABLES, Kind

YEARS_SHOWN = 4
ADULT_FROM = 15
"""Years since the year of birth; whoever turned 14 this year may still be 13, the day of birth is not held."""
BESIDE = frozenset({"household_id", "member_id", "event_id", "known_on", "village_code", "name"})
Told = dict[str, Any]


def dossier(seen: Seen) -> Told:
    """The facts of a register of one household, as plain values.

    Args:
        seen: the register of one household on a day; nothing known later is told.
    """
    with np.errstate(invalid="ignore"):
        return {
            "household": _last(seen["households"], "households"),
            "income": _income(seen),
            "medical": _medical(seen),
            "members": _members(seen),
            "employment": [_row(seen["employment"], "employment", row) for row in range(len(seen["employment"]))],
            "living": _last(seen["living"], "living"),
            "debts": [_row(seen["debts"], "debts", row) for row in range(len(seen["debts"]))],
            "time_line": _time_line(seen),
            "indicators": _indicators(seen),
        }


def _number(value: float) -> float | None:
    """To the second decimal, or where that says little, as a chance of one in a thousand, to three digits."""
    return None if np.isnan(value) else round(float(value), 2) if abs(value) >= 1 else float(f"{value:.3g}")


def _row(view: TableView, table: str, row: int) -> Told:
    """One row as plain values: categories as code and Chinese word, days and months as text."""
    told: Told = {}
    for column in TABLES[table].columns:
        if column.name in BESIDE:
            continue
        value = view[column.name][row]
        match column.kind:
            case Kind.CATEGORY:
                told[column.name] = None if value < 0 else dict(zip(("code", "zh"), column.values[value], strict=True))
            case Kind.FLAG:
                told[column.name] = None if np.isnan(value) else bool(value)
            case Kind.DATE:
                told[column.name] = None if value == NEVER else _day(value)
            case Kind.NUMBER:
                told[column.name] = _number(value)
    return told


def _day(day: Any) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=int(day))).isoformat()


def _last(view: TableView, table: str) -> Told | None:
    return _row(view, table, len(view) - 1) if len(view) else None


def _income(seen: Seen) -> Told:
    """By calendar year and source, of the whole household; per person with and without policy transfers, beside the lines of the day.

    Years are as they were reported: of one that is reported in part, `months_covered` says how much. `latest` is the twelve months that
    the score looks at.
    """
    village = _village(seen)
    size = float(seen.size[0])
    years = []
    for year in range(seen.as_of.year - YEARS_SHOWN + 1, seen.as_of.year + 1):
        first = (year - 1970) * 12
        sums, covered = income_between(seen, first, first + 11)
        if not covered[0]:
            continue
        net = float(sums[0] @ SIGNS)
        lines = seen.policy.lines(min(dt.date(year, 12, 31), seen.as_of), village)
        years.append(
            {
                "year": year,
                "months_covered": int(covered[0]),
                "sources": {source: round(float(amount), 2) for source, amount in zip(SOURCES, sums[0], strict=True)},
                "pc_net_income": _number(net / size),
                "pc_market_income": _number((net - float(sums[0][POLICY])) / size),
                "poverty_line": lines.poverty,
                "monitoring_line": lines.monitoring,
            }
        )
    book = seen.accounts
    market = (book.net[0] - book.by_source[0][POLICY]) / size
    poverty, monitoring = (float(line[0]) for line in seen.lines)
    return {
        "persons": None if np.isnan(size) else int(size),
        "years": years,
        "latest": {
            "pc_net_income": _number(seen.pc_net_income[0]),
            "pc_market_income": _number(market),
            "poverty_line": _number(poverty),
            "monitoring_line": _number(monitoring),
            "months_covered": int(book.covered[0]),
            "last_month": None if book.last_month[0] < 0 else f"{1970 + book.last_month[0] // 12}-{book.last_month[0] % 12 + 1:02d}",
        },
    }


def _village(seen: Seen) -> str:
    codes = seen.register.texts.get(("households", "village_code"), [])
    return "" if seen.village[0] < 0 else codes[seen.village[0]]


def _medical(seen: Seen) -> Told:
    """Medical bills of the last twelve months: what they came to, what the household paid, and its share of a year's net income."""
    events = seen.events
    recent = events.recent[0, ILLNESS_BILL]
    paid = float((events.paid * recent).sum())
    net = float(seen.accounts.net[0])
    return {
        "bills": int(recent.sum()),
        "amount": round(float((events.cost * recent).sum()), 2),
        "paid": round(paid, 2),
        "paid_to_income": round(paid / net, 4) if net > 0 else None,
    }


def _members(seen: Seen) -> Told:
    """The members who are present; of those who may be under 14, or whose age is not known, only how many."""
    people = seen.people
    told, children, unknown = [], 0, 0
    for row in range(len(people.table)):
        age = people.age[row]
        if np.isnan(age):
            unknown += 1
        elif age < ADULT_FROM:
            children += 1
        else:
            member = _row(people.table, "members", row)
            del member["birth_year"], member["presence"], member["valid_from"]
            told.append({"age": int(age), **member})
    told.sort(key=lambda member: -member["age"])
    return {"shown": told, "children": children, "age_unknown": unknown}


TIMED = (
    ("events", "occurred_on", "event_kind"),
    ("measures", "start_date", "measure_kind"),
    ("benefits", "valid_from", "benefit"),
    ("monitoring", "identified_on", "category"),
    ("visits", "visited_on", "reason"),
    ("findings", "valid_from", "finding"),
)


def _time_line(seen: Seen) -> list[Told]:
    """What happened and what was done, the latest first."""
    told: list[Told] = []
    for table, day, kind in TIMED:
        view = seen[table]
        for row in range(len(view)):
            content = _row(view, table, row)
            told.append({"on": content.pop(day), "table": table, "zh": TABLES[table].zh, "kind": content.pop(kind), "more": content})
    return sorted(told, key=lambda entry: entry["on"] or "", reverse=True)


def _indicators(seen: Seen) -> list[Told]:
    rows = seen["indicators"]
    declared = seen.register.info.indicators
    return [
        {"name": declared[name].name, "zh": declared[name].zh, "unit": declared[name].unit, "value": _number(value)}
        for name, value in zip(rows["name"].tolist(), rows["value"].tolist(), strict=True)
        if 0 <= name < len(declared)
    ]
