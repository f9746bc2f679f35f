"""What members are owed, what they receive, and what is lacking (应享、已享、缺口): in persons, and in yuan a year.

Worked example. A benefit of 80 yuan a month is owed to three disabled members. One receives 80 and one 50; of the third nothing is on
record. Owed are 3 × 960 = 2,880 yuan a year. Lacking are 360, for the one who receives too little, and at the most 1,320: the third may
lack all of it. Persons who lack the whole: none for certain, one at the most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from features.codes import code
from features.policy.amount import Graded, TopUp
from features.policy.choice import Cells, choices, spread
from features.policy.facts import Facts
from features.policy.language import A_YEAR, RECEIVED, Entitlement
from features.policy.rules import Bounds
from features.policy.span import Span
from features.register import Array, BoolArray, FloatArray
from features.seen import Seen, persons
from features.sums import add_up, largest
from features.tables import BENEFITS, CHILD_UNTIL, TABLES

MONTHS = 12
NOT_HELD_OF_CHILDREN = ("dibao", "extreme_poverty_support")
"""Benefits of the whole household that the register does not hold of children: a child has what the others of its household have."""


class Owed(NamedTuple):
    """A benefit, household by household.

    Attributes:
        due: persons to whom it is owed.
        gets: persons among those it is for who receive it, owed or not.
        lacks: persons to whom it is owed and who receive nothing of it.
        due_yuan, gets_yuan, lacks_yuan: the same in yuan a year; who receives too little lacks the rest.
    """

    due: Span
    gets: Span
    lacks: Span
    due_yuan: Span
    gets_yuan: Span
    lacks_yuan: Span


class _Received(NamedTuple):
    """Who receives a benefit, certainly and perhaps, and what is paid a year; NaN where that is not told. (members,) each."""

    certainly: BoolArray
    perhaps: BoolArray
    paid: FloatArray


class Amount(NamedTuple):
    """Yuan that each member is owed in a year; any where that is not told, (members,) each.

    Attributes:
        shared: whether it may be the whole household's: where it is not told whose it is, its unit names no person.
    """

    low: FloatArray
    high: FloatArray
    shared: bool = False


def worked_out(rules: Sequence[Entitlement], holds: FloatArray, facts: Facts, bounds: Bounds) -> list[Owed]:
    """What some benefits come to.

    Args:
        rules: the entitlements in force.
        holds: (rules, n) whether the condition of each holds.
        facts: of the households.
        bounds: the amounts in force.
    """
    seen = facts.seen
    members = seen.people.table
    certainly = np.ones((len(rules), len(members)), dtype=bool)
    perhaps = certainly.copy()
    cells = Cells(seen, "members", members)
    held = [{name: cell for name, cell in rule.whom.items() if name not in NOT_HELD_OF_CHILDREN} for rule in rules]
    for choice in choices("members", held):
        wanted, fits = (spread(bits, len(rules)).T for bits in choice.hold(cells))
        certainly &= wanted
        perhaps &= fits
    for at, rule in enumerate(rules):
        for name in rule.whom.keys() & set(NOT_HELD_OF_CHILDREN):
            has = _received(seen, name)
            certainly[at] &= has.certainly if rule.whom[name] else ~has.perhaps
            perhaps[at] &= has.perhaps if rule.whom[name] else ~has.certainly
    return [
        _owed(seen, (certainly[at], perhaps[at]), holds[at], _received(seen, rule.received), amount(rule, facts, bounds))
        for at, rule in enumerate(rules)
    ]


def in_all(rules: Sequence[Entitlement], holds: FloatArray, owed: Sequence[Owed], facts: Facts, bounds: Bounds) -> Span:
    """What is lacking of all benefits together, yuan a year, (n,); of one that stands in the place of others never both.

    Worked example: 1,000 yuan of dibao are lacking, and it cannot be told whether 7,000 of support are owed instead. Lacking are 1,000 at
    the least and 7,000 at the most, not 8,000.
    """
    lacks = {rule.id: came_to.lacks_yuan for rule, came_to in zip(rules, owed, strict=True)}
    parts = dict(lacks)
    for rule, hold in zip(rules, holds, strict=True):
        others = [lacks[name] for name in rule.instead_of if name in lacks]
        if not others:
            continue
        (supposed,) = worked_out([rule], np.ones((1, facts.seen.n)), facts, bounds)
        low, high = (sum((other[side] for other in others), np.zeros(facts.seen.n)) for side in range(2))
        open_, own, least = np.isnan(hold), parts[rule.id], supposed.lacks_yuan.low
        parts[rule.id] = Span(
            np.where(open_, np.minimum(low, least), np.where(hold == 1, own.low, low)),
            np.where(open_, np.maximum(high, own.high), np.where(hold == 1, own.high, high)),
        )
        for name in rule.instead_of:
            parts.pop(name, None)
    return Span(*(sum((part[side] for part in parts.values()), np.zeros(facts.seen.n)) for side in range(2)))


def amount(rule: Entitlement, facts: Facts, bounds: Bounds) -> Amount:
    """What each member is owed of a benefit, supposing that it is owed."""
    members = facts.seen.people.table
    values = np.array([bounds.threshold(name) * A_YEAR[bounds.policy.parameters[name].unit] for name in rule.parameters])
    if isinstance(rule.amount, TopUp):
        income = facts[rule.amount.less]
        missing = Span.between(values[0] - income.high, values[0] - income.low)
        low, high = (np.maximum(side, 0.0)[members.household] for side in missing)
        return Amount(low, high)
    least, most = np.where(np.isnan(values), 0.0, values), np.where(np.isnan(values), np.inf, values)
    any_of = (least.min(), most.max()) if len(values) else (0.0, np.inf)
    # the last place, which is also the one before the first, is of whoever has no grade
    place = members[rule.amount.by] if isinstance(rule.amount, Graded) else np.full(len(members), -1)
    shared = any("person" not in bounds.policy.parameters[name].unit for name in rule.parameters)
    return Amount(np.append(least, any_of[0])[place], np.append(most, any_of[1])[place], shared)


def _owed(seen: Seen, meant: tuple[BoolArray, BoolArray], holds: FloatArray, received: _Received, each: Amount) -> Owed:
    """A benefit added up by household, from whom it is for (certainly, perhaps), where it is due, who receives it, and what one is owed.

    Where the amount may be the whole household's, it is counted once at the least.
    """
    household = seen.people.table.household
    gets, may_get = meant[0] & received.certainly, meant[1] & received.perhaps
    # a benefit is for few: only members to whom it may be owed, or who may receive it, are looked at any further
    mine = np.flatnonzero((meant[1] & (holds != 0)[household]) | may_get)
    whose = household[mine]
    certainly, perhaps = meant[0][mine] & (holds == 1)[whose], meant[1][mine] & (holds != 0)[whose]
    gets, may_get = gets[mine], may_get[mine]
    has, may_have, paid = received.certainly[mine], received.perhaps[mine], received.paid[mine]
    low, high = each.low[mine], each.high[mine]
    known = ~np.isnan(paid)
    none_certainly, none_perhaps = certainly & ~may_have, perhaps & ~has
    # what is paid is taken for the whole where no amount is on record
    paid_low, paid_high = np.where(known, paid, low), np.where(known, paid, high)
    rest_low = np.where(may_have, np.where(known, np.maximum(low - paid, 0.0), 0.0), low)
    rest_high = np.where(has, np.where(known, np.maximum(high - paid, 0.0), 0.0), high)
    pairs = (
        (certainly, perhaps), (gets, may_get), (none_certainly, none_perhaps),
        (_of(certainly, low), _of(perhaps, high)), (_of(gets, paid_low), _of(may_get, paid_high)),
        (_of(certainly, rest_low), _of(perhaps, rest_high)),
    )  # fmt: skip
    sums = [add_up(whose, side, seen.n) for pair in pairs for side in pair]
    if each.shared:
        members = seen.people.table
        got = members.total(_of(received.perhaps, np.where(np.isnan(received.paid), np.inf, received.paid)))
        sums[6] = largest(whose, _of(certainly, low), seen.n)
        sums[8] = add_up(whose, _of(gets & known, paid), seen.n) + largest(whose, _of(gets & ~known, low), seen.n)
        sums[10] = np.maximum(sums[6] - got, 0.0)
    unlisted = seen.people.count == 0
    owed = np.where(unlisted & (holds != 0), np.inf, 0.0)  # whoever is not listed may be meant
    beyond = (owed, np.where(unlisted, np.inf, 0.0), owed)
    return Owed(*(Span(sums[2 * at], sums[2 * at + 1] + beyond[at % 3]) for at in range(len(pairs))))


def _of(which: BoolArray, each: FloatArray) -> FloatArray:
    return np.where(which, each, 0.0)


def _received(seen: Seen, name: str) -> _Received:
    members = seen.people.table
    if name in dict(BENEFITS):
        return _on_the_rolls(seen, name)
    said = members[name]
    certainly, perhaps = said == 1, said != 0
    if name in NOT_HELD_OF_CHILDREN:
        child = np.isnan(said) & (seen.people.age < CHILD_UNTIL)
        all_do = members.lowest(np.where(child, np.nan, certainly * 1.0))
        some_may = members.highest(np.where(child, np.nan, perhaps * 1.0))
        certainly = np.where(child, all_do[members.household] == 1, certainly)
        perhaps = np.where(child, some_may[members.household] != 0, perhaps)
    return _Received(certainly, perhaps, np.full(len(members), np.nan))


def _on_the_rolls(seen: Seen, name: str) -> _Received:
    """Who receives a benefit by the benefits table; of whom it says nothing, that is not known."""
    members, benefits = seen.people.table, seen["benefits"]
    rolls = benefits.only(benefits["benefit"] == code("benefits", "benefit", name))
    if not len(rolls):
        return _Received(np.zeros(len(members), dtype=bool), np.ones(len(members), dtype=bool), np.full(len(members), np.nan))
    listed, who = persons(rolls), persons(members)
    place = np.minimum(listed.searchsorted(who), len(listed) - 1)
    found = listed[place] == who
    receiving = np.where(found, rolls["receiving"][place], np.nan)
    paid = np.where(found & (receiving == 1), rolls["amount"][place] * MONTHS, np.nan)
    return _Received(receiving == 1, receiving != 0, paid)


def unknowns(rule: Entitlement, owed: Owed, row: int, facts: Facts, bounds: Bounds) -> list[tuple[str, str]]:
    """For want of what a benefit of one household cannot be worked out: name and Chinese name of columns and parameters.

    What its condition wants for is told by the tests of the rule.
    """
    asked = [] if _known(owed.due, row) else list(rule.whom)
    if isinstance(rule.amount, Graded) and not (_known(owed.due_yuan, row) and _known(owed.gets_yuan, row)):
        asked.append(rule.amount.by)
    columns = {column.name: column.zh for column in TABLES["members"].columns}
    members = facts.seen.people.table
    own = slice(*members.household.searchsorted((row, row + 1)))
    found = [(name, columns[name]) for name in asked if name in columns and _blank(members[name][own])]
    if not (_known(owed.lacks, row) or _known(owed.gets, row)):
        found.append((rule.received, RECEIVED[rule.received]))
    if owed.due.high[row] > 0:
        found += [(name, bounds.policy.parameters[name].zh) for name in rule.parameters if np.isnan(bounds.threshold(name))]
    return found


def _blank(cells: Array) -> bool:
    """Whether any cell is blank."""
    return bool((np.isnan(cells) if cells.dtype.kind == "f" else cells < 0).any())


def _known(span: Span, row: int) -> bool:
    return bool(span.low[row] == span.high[row])
