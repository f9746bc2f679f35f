"""What policy says of every household on a date, beside whatever a model says: triggers, category, gaps, classes, ledgers, blockers.

Nothing here is a status. A category is what the rules would call a household whose risk people have confirmed; monitoring begins and ends
by the decision of people alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from features.policy.entitlement import Owed, in_all, unknowns, worked_out
from features.policy.facts import Facts
from features.policy.language import Entitlement, Rule
from features.policy.packs import InForce, packs_of
from features.policy.registry import Policy
from features.policy.rules import Bounds, first_of, tell
from features.policy.span import Span
from features.register import Array, BoolArray, FloatArray
from features.seen import Seen

NONE, REFER = "none", "refer"
"""A household without a confirmed risk has no category; one with a risk that fits none is to be looked at by people."""


class _County:
    """The rules of one county on the date, and what they answer for all households in hand; only the county's own rows count.

    Args:
        seen: the register on a date.
        policy: parameters.
        in_force: the county's rules.
    """

    def __init__(self, seen: Seen, policy: Policy, in_force: InForce) -> None:
        self.in_force = in_force
        self.facts = Facts(seen, in_force.pack.facts, in_force.drawings, in_force.formulas)
        self.bounds = Bounds(policy, in_force.region, seen.as_of)
        self._answered: dict[str, FloatArray] = {}

    def answers(self, kind: str) -> tuple[Sequence[Any], FloatArray]:
        """The rules of a kind, and the answer of each, (rules, n)."""
        docket, found = self.in_force.docket(kind, self.bounds), self._answered.get(kind)
        if found is None:
            found = self._answered[kind] = docket.answers(self.facts)
        return docket.rules, found

    @cached_property
    def owed(self) -> list[Owed]:
        """What each entitlement in force comes to."""
        rules, holds = self.answers("entitlements")
        with np.errstate(invalid="ignore"):
            return worked_out(rules, holds, self.facts, self.bounds)

    @cached_property
    def lacks(self) -> Span:
        """What is lacking of all of them together, yuan a year."""
        return in_all(*self.answers("entitlements"), self.owed, self.facts, self.bounds)


class Judgement:
    """The answers of all rules, county by county.

    Args:
        seen: the register on a date.
        policy: parameters and rules.

    Attributes:
        seen: the same.
        called: (n,) 1 where a trigger calls for a visit, 0 where none does, NaN where none does and some cannot be evaluated.
    """

    def __init__(self, seen: Seen, policy: Policy) -> None:
        self.seen = seen
        packs = packs_of(policy)
        codes = [code[:6] for code in seen.register.texts.get(("households", "village_code"), ())]
        regions = [*dict.fromkeys([*codes, ""])]  # the last is for a village not known
        self._of = np.array([regions.index(code) for code in codes] + [regions.index("")], dtype=np.int32)[seen.village]
        self._counties = {place: _County(seen, policy, packs.at(regions[place])) for place in np.unique(self._of).tolist()}
        self.called = np.full(seen.n, np.nan)
        for place, county in self._counties.items():
            own = self._of == place
            self.called[own] = _any(county.answers("triggers")[1])[own]

    def _county(self, row: int) -> _County:
        return self._counties[int(self._of[row])]

    def in_force(self, row: int) -> InForce:
        """The rules of a household's county."""
        return self._county(row).in_force

    def fact(self, name: str, row: int) -> Span:
        """A fact of one household, as a span of one row."""
        span = self._county(row).facts[name]
        return Span(span.low[row : row + 1], span.high[row : row + 1])

    def facts(self, row: int) -> Facts:
        """The facts of a household's county, for all households in hand."""
        return self._county(row).facts

    def held(self, kind: str) -> Iterator[tuple[Any, Array, Facts]]:
        """The rules of a kind that hold for anybody, county by county, each with those rows and the facts it was held against."""
        for place, county in self._counties.items():
            rules, answers = county.answers(kind)
            holds = (answers == 1) & (self._of == place)
            for at in np.flatnonzero(holds.any(axis=1)).tolist():
                yield rules[at], np.flatnonzero(holds[at]), county.facts

    def owed(self) -> Iterator[tuple[Entitlement, Array, Owed]]:
        """The entitlements, county by county, each with the county's rows and what it comes to for all households in hand."""
        for place, county in self._counties.items():
            rows = np.flatnonzero(self._of == place)
            for rule, owed in zip(county.answers("entitlements")[0], county.owed, strict=True):
                yield rule, rows, owed

    def owed_to(self, row: int) -> list[tuple[Entitlement, Owed, list[tuple[str, str]]]]:
        """The entitlements of one household's county, what they come to, and for want of what they cannot be evaluated for it."""
        county = self._county(row)
        rules = county.answers("entitlements")[0]
        return [(rule, owed, unknowns(rule, owed, row, county.facts, county.bounds)) for rule, owed in zip(rules, county.owed, strict=True)]

    def lacks(self, row: int) -> Span:
        """What one household lacks of all benefits together, yuan a year, as a span of one row."""
        span = self._county(row).lacks
        return Span(span.low[row : row + 1], span.high[row : row + 1])

    def counted(self) -> BoolArray:
        """(n,) whether a household counts for the tier of its village; nobody does where villages have no tiers."""
        counts = np.zeros(self.seen.n, dtype=bool)
        for place, county in self._counties.items():
            if county.in_force.villages is not None:
                counts |= (self._of == place) & (county.facts[county.in_force.villages.incidence].low >= 1)
        return counts

    def holding(self, kind: str, row: int) -> list[Any]:
        """The rules of a kind that hold for one household."""
        rules, answers = self._county(row).answers(kind)
        return [rule for rule, answer in zip(rules, answers, strict=True) if answer[row] == 1]

    def tables(self, kind: str) -> Iterator[tuple[Sequence[Any], Array, FloatArray]]:
        """County by county the rules of a kind, its rows, and the answer of each rule for each of them, (rules, rows)."""
        for place, county in self._counties.items():
            rules, answers = county.answers(kind)
            rows = np.flatnonzero(self._of == place)
            yield rules, rows, answers[:, rows]

    def open(self, kind: str, row: int) -> list[Any]:
        """The rules of a kind that cannot be evaluated for one household."""
        rules, answers = self._county(row).answers(kind)
        return [rule for rule, answer in zip(rules, answers, strict=True) if np.isnan(answer[row])]

    def asked(self, kind: str, row: int) -> list[Any]:
        """All rules of a kind that are asked of one household, whatever the answer."""
        return list(self._county(row).answers(kind)[0])

    def category(self, row: int) -> str | None:
        """The category that the rules call a household by: its code, `none`, `refer`, or None: not evaluable."""
        rules, answers = self._county(row).answers("categories")
        found = first_of([answer[row : row + 1] for answer in answers])[0] if rules else np.nan
        if np.isnan(found):
            return None
        if found < len(rules):
            return str(rules[int(found)].id)
        risk = self._county(row).facts["risk_confirmed"]
        return NONE if risk.high[row] < 1 else REFER if risk.low[row] >= 1 else None

    def classes(self, row: int) -> dict[str, Any]:
        """The class of a household in each system of its county; None where it cannot be told."""
        rules, answers = self._county(row).answers("classes")
        systems: dict[str, list[int]] = {}
        for at, rule in enumerate(rules):
            systems.setdefault(rule.system, []).append(at)
        found: dict[str, Any] = {}
        for system, places in systems.items():
            first = first_of([answers[at][row : row + 1] for at in places])[0]
            found[system] = None if np.isnan(first) or first >= len(places) else rules[places[int(first)]]
        return found

    def amounts(self, rule: Entitlement, row: int) -> list[dict[str, Any]]:
        """The parameters on which an amount rests for a household: value, unit, and where it stands; None where none is in force."""
        bounds = self._county(row).bounds
        declared = [bounds.policy.parameters[name] for name in rule.parameters]
        values = [bounds.policy.value(name, bounds.date, bounds.region) for name in rule.parameters]
        return [
            {"zh": parameter.zh, "en": parameter.en, "value": value, "unit": parameter.unit, "source": bounds.source(parameter.name)}
            for parameter, value in zip(declared, values, strict=True)
        ]

    def tell(self, rule: Rule, row: int) -> dict[str, Any]:
        """A rule as it came out for one household, with every test and where each bound stands."""
        county = self._county(row)
        tried = tell(rule, row, county.facts, county.bounds)
        return told(rule) | {"tests": [test.to_json() for test in tried]}


def told(rule: Rule) -> dict[str, Any]:
    """A rule in short: what it says and where that is written; of a trigger also who pushes it, for which risk and period."""
    names = ("zh", "en", "department", "risk", "period", "system", "reference", "grade")
    return {"rule": rule.id} | {name: getattr(rule, name) for name in names if hasattr(rule, name)}


def _any(answers: FloatArray) -> FloatArray:
    """1 where any answer is yes, NaN where none is and one cannot be evaluated, or where there is none, (rules, n) → (n,)."""
    open_or_none = np.isnan(answers).any(axis=0) | (len(answers) == 0)
    return np.where((answers == 1).any(axis=0), 1.0, np.where(open_or_none, np.nan, 0.0))
