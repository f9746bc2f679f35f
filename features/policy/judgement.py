"""What policy says of every household on a date, beside whatever a model says: triggers, category, gaps, classes, ledgers, blockers.

Nothing here is a status. A category is what the rules would call a household whose risk people have confirmed; monitoring begins and ends
by the decision of people alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from features.policy.facts import Facts
from features.policy.language import Rule
from features.policy.packs import InForce, packs_of
from features.policy.registry import Policy
from features.policy.rules import Court, first_of
from features.register import FloatArray
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
        self.date = seen.as_of
        self.court = Court(Facts(seen, in_force.pack.facts), policy, in_force.region)
        self._answered: dict[str, tuple[list[Any], list[FloatArray]]] = {}

    def answers(self, kind: str) -> tuple[list[Any], list[FloatArray]]:
        """The rules of a kind, and the answer of each, (n,)."""
        found = self._answered.get(kind)
        if found is None:
            rules = self.in_force.rules(kind, self.date)
            with np.errstate(invalid="ignore"):
                found = self._answered[kind] = rules, [self.court.rule(rule) for rule in rules]
        return found


class Judgement:
    """The answers of all rules, county by county.

    Args:
        seen: the register on a date.
        policy: parameters and rules.

    Attributes:
        called: (n,) 1 where a trigger calls for a visit, 0 where none does, NaN where none does and some cannot be evaluated.
    """

    def __init__(self, seen: Seen, policy: Policy) -> None:
        packs = packs_of(policy)
        codes = [code[:6] for code in seen.register.texts.get(("households", "village_code"), ())]
        regions = [*dict.fromkeys([*codes, ""])]  # the last is for a village not known
        self._of = np.array([regions.index(code) for code in codes] + [regions.index("")], dtype=np.int32)[seen.village]
        self._counties = {place: _County(seen, policy, packs.at(regions[place])) for place in np.unique(self._of).tolist()}
        self.called = np.full(seen.n, np.nan)
        for place, county in self._counties.items():
            own = self._of == place
            self.called[own] = _any(county.answers("triggers")[1], seen.n)[own]

    def _county(self, row: int) -> _County:
        return self._counties[int(self._of[row])]

    def holding(self, kind: str, row: int) -> list[Any]:
        """The rules of a kind that hold for one household."""
        rules, answers = self._county(row).answers(kind)
        return [rule for rule, answer in zip(rules, answers, strict=True) if answer[row] == 1]

    def open(self, kind: str, row: int) -> list[Any]:
        """The rules of a kind that cannot be evaluated for one household."""
        rules, answers = self._county(row).answers(kind)
        return [rule for rule, answer in zip(rules, answers, strict=True) if np.isnan(answer[row])]

    def asked(self, kind: str, row: int) -> list[Any]:
        """All rules of a kind that are asked of one household, whatever the answer."""
        return self._county(row).answers(kind)[0]

    def category(self, row: int) -> str | None:
        """The category that the rules call a household by: its code, `none`, `refer`, or None: not evaluable."""
        rules, answers = self._county(row).answers("categories")
        found = first_of([answer[row : row + 1] for answer in answers])[0] if answers else np.nan
        if np.isnan(found):
            return None
        if found < len(rules):
            return str(rules[int(found)].id)
        risk = self._county(row).court.facts["risk_confirmed"]
        return NONE if risk.high[row] < 1 else REFER if risk.low[row] >= 1 else None

    def classes(self, row: int) -> dict[str, Rule | None]:
        """The class of a household in each system of its county; None where it cannot be told."""
        rules, answers = self._county(row).answers("classes")
        systems: dict[str, list[int]] = {}
        for at, rule in enumerate(rules):
            systems.setdefault(rule.system, []).append(at)
        told: dict[str, Rule | None] = {}
        for system, places in systems.items():
            found = first_of([answers[at][row : row + 1] for at in places])[0]
            told[system] = None if np.isnan(found) or found >= len(places) else rules[places[int(found)]]
        return told

    def tell(self, rule: Rule, row: int) -> dict[str, Any]:
        """A rule as it came out for one household, with every test and where each bound stands."""
        tried = self._county(row).court.tell(rule, row)
        return {
            "rule": rule.id, "zh": rule.zh, "en": rule.en, "reference": rule.reference, "grade": rule.grade,
            "tests": [test.to_json() for test in tried],
        }  # fmt: skip

    def triggers(self, row: int) -> list[dict[str, Any]]:
        """The triggers of one household as plain values: rule, department, risk, and the number that called."""
        return [
            self.tell(rule, row) | {"department": rule.department, "risk": rule.risk, "period": rule.period}
            for rule in self.holding("triggers", row)
        ]


def _any(answers: Sequence[FloatArray], n: int) -> FloatArray:
    """1 where any answer is yes, NaN where none is and one cannot be evaluated."""
    if not answers:
        return np.full(n, np.nan)
    together = np.stack(answers)
    return np.where((together == 1).any(axis=0), 1.0, np.where(np.isnan(together).any(axis=0), np.nan, 0.0))
