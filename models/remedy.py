"""过线所需的最小依规帮扶组合。The smallest set of lawful help that lifts a household over a line.

Only what policy gives counts: benefits that are owed and not received (`features.policy.entitlement`), and kinds of help that its risk,
class and labour call for and that let people earn (`features.policy.help`); what secures a house or a school brings no income. A benefit
brings what the rule says, between a least and a most; of a kind of help no policy file tells what it brings, so a set that holds one rests
on an unknown amount, and is told with what that amount would have to be. What a household has already is not counted again.

Worked example: 3 persons, 5,000 yuan a head under a line of 5,500: 1,500 yuan a year are missing. A pension of 1,236 and a nursing subsidy
of 960 are owed. Neither alone reaches it, both do: two benefits, 2,196 yuan a year. Were only the pension owed, 264 would be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from features.policy import formulas
from features.policy.amount import TopUp
from features.policy.help import proposals
from features.policy.judgement import Judgement
from features.policy.language import Entitlement
from features.register import Array
from features.tables import MEASURES, RISKS
from models.replay import LINES
from models.scenario import codes, inside

COUNTED = {
    "dibao": ("低保金计入转移性收入 [R3]", "sourced"),
    "extreme_support": ("特困供养金计入转移性收入 [R3]", "sourced"),
    "pension": ("养老保险金计入转移性收入 [R3]", "sourced"),
    "county_supplement": ("低保特困县级提标，同低保金 paid with dibao, a proposal", "proposal"),
    "disability_living": ("残疾人补贴计入其他转移性收入 counted among other transfers, a proposal", "proposal"),
    "disability_nursing": ("残疾人补贴计入其他转移性收入 counted among other transfers, a proposal", "proposal"),
}
"""Which benefits are net income, and where that stands. Help with schooling is not [P23], help with a premium is paid to the insurer."""
REACHES, RESTS, NOTHING = "reaches", "rests_on_unknown", "out_of_reach"


@dataclass(frozen=True, slots=True)
class Help:
    """一项依规帮扶。A benefit or a kind of help that policy gives this household.

    Attributes:
        low, high: yuan a year that it certainly brings, and at the most; high is infinite where no rule tells.
        instead_of: benefits beside which it cannot stand.
        shrinks: what other help brings may lessen it: it tops income up to a line.
        missing: for want of what the amount is not known.
    """

    name: str
    zh: str
    kind: str
    low: float
    high: float
    reference: str
    grade: str
    instead_of: tuple[str, ...] = ()
    shrinks: bool = False
    missing: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values; null is not known."""
        told = {name: getattr(self, name) for name in ("name", "zh", "kind", "reference", "grade")}
        return told | {"yuan_low": round(self.low, 2), "yuan_high": _yuan(self.high), "missing": list(self.missing)}


@dataclass(frozen=True, slots=True)
class Remedy:
    """一户的最小组合。What came out for one household.

    Attributes:
        verdict: reaches, rests_on_unknown or out_of_reach.
        chosen: the set; where nothing reaches, the one that comes nearest.
        low, high: yuan a year that the set brings.
        short: yuan a year still missing to the line; of a set that rests on unknown amounts, what these would have to bring.
    """

    verdict: str
    chosen: tuple[Help, ...]
    low: float
    high: float
    short: float


def smallest(missing: float, helps: Sequence[Help]) -> Remedy:
    """最小且最便宜的组合，穷举。The smallest set that brings what is missing, of several equally small ones the cheapest.

    Sets whose least suffices come first, whatever their number; only where there is none, sets whose most does.

    Args:
        missing: yuan a year to the line, above 0.
        helps: what is lawful.
    """
    tried = [(chosen, *_brings(chosen)) for chosen in _sets(helps)]
    certain = [one for one in tried if one[1] >= missing]
    if certain:
        chosen, low, high = min(certain, key=lambda one: (len(one[0]), one[1], one[2]))
        return Remedy(REACHES, chosen, low, high, 0.0)
    chosen, low, high = max(tried, key=lambda one: (one[1], -len(one[0])))
    perhaps = [one for one in tried if one[2] >= missing]
    if perhaps:
        least = min(len(one[0]) for one in perhaps)
        chosen, low, high = max((one for one in perhaps if len(one[0]) == least), key=lambda one: (one[1], -one[2]))
        return Remedy(RESTS, chosen, low, high, missing - low)
    return Remedy(NOTHING, chosen, low, high, missing - low)


def _sets(helps: Sequence[Help]) -> list[tuple[Help, ...]]:
    """Every lawful set that could be the smallest, the empty one first: none holds two benefits that exclude each other.

    What may bring any amount and nothing for certain suffices alone or not at all, so it is tried alone.
    """
    open_ = [one for one in helps if one.low <= 0 and np.isinf(one.high)]
    told = [one for one in helps if one not in open_]
    several = [chosen for size in range(len(told) + 1) for chosen in combinations(told, size)] + [(one,) for one in open_]
    return [chosen for chosen in several if not any(other.name in one.instead_of for one in chosen for other in chosen)]


def _brings(chosen: Sequence[Help]) -> tuple[float, float]:
    """What a set brings, yuan a year. What tops income up is lessened by all that the others bring, unless that does not count for it."""
    others = sum(one.low for one in chosen if not one.shrinks)
    return max([others, *(one.low for one in chosen if one.shrinks)]), sum(one.high for one in chosen)


def lawful(judged: Judgement, row: int) -> list[Help]:
    """此户依规可得的帮扶。What policy gives one household that it lacks: benefits that bring income, then what lets it earn."""
    helps = []
    for rule, owed, missing in judged.owed_to(row):
        sources = [amount["source"] for amount in judged.amounts(rule, row)]
        helps.append(_benefit(rule, owed.lacks_yuan.low[row], owed.lacks_yuan.high[row], missing, sources))
    found = [one for one in helps if one is not None]
    pack, given = judged.in_force(row).pack, _given(judged, row)
    for proposal in proposals(judged, row, _written(judged, row)):
        if proposal.fits and proposal.developmental and proposal.measure not in given:
            said, why = pack.measures[proposal.measure], proposal.because[0]
            wanting = ("政策未定金额 no policy file tells what it brings",)
            found.append(Help(proposal.measure, said.zh, "measure", 0.0, np.inf, why.reference, why.grade, missing=wanting))
    return found


def _benefit(rule: Entitlement, low: float, high: float, missing: list[tuple[str, str]], sources: list[str]) -> Help | None:
    """A benefit that is lacking, or may be; None for one that brings no income."""
    if rule.id not in COUNTED or high <= 0:
        return None
    counted, grade = COUNTED[rule.id]
    wanting = tuple(zh for _, zh in missing) if low < high else ()
    shrinks = isinstance(rule.amount, TopUp)
    reference = "; ".join([rule.reference, *sources, counted])
    worst = grade if rule.grade == "sourced" else rule.grade
    return Help(rule.id, rule.zh, "benefit", float(low), float(high), reference, worst, tuple(rule.instead_of), shrinks, wanting)


def _given(judged: Judgement, row: int) -> set[str]:
    """The kinds of help that go on already: nothing more is to be had of them."""
    measures = judged.seen["measures"]
    own = slice(*measures.household.searchsorted((row, row + 1)))
    under_way = (measures["start_date"][own] <= judged.seen.day) & (measures["end_date"][own] > judged.seen.day)
    return {MEASURES[code][0] for code in measures["measure_kind"][own][under_way].tolist() if code >= 0}


def _written(judged: Judgement, row: int) -> tuple[str, ...]:
    """The risks that people wrote down when they identified the household."""
    decisions = judged.seen["monitoring"]
    own = slice(*decisions.household.searchsorted((row, row + 1)))
    risks = [RISKS[code][0] for name in ("risk_1", "risk_2") for code in decisions[name][own].tolist() if code >= 0]
    return tuple(dict.fromkeys(risks))


def report(judged: Judgement, line: str, where: str = "") -> dict[str, Any]:
    """线下各户的最小依规组合。Every household under a line, and the smallest lawful set that lifts it to the line.

    Args:
        judged: what policy says of a register on a day.
        line: poverty_line or monitoring_line.
        where: area code; "" is everywhere.

    Returns:
        counts by verdict, and the households; of whom income or line is not known nothing can be said, and they are counted.
    """
    seen = judged.seen
    with np.errstate(invalid="ignore"):
        income, bound = formulas.pc_net_income(seen), seen.lines[LINES.index(line)]
        missing = np.round((bound - income) * seen.size, 2)
    here = inside(seen, where)
    rows: Array = np.flatnonzero(here & (income < bound))
    villages = np.array([*codes(seen.register), ""])[seen.village]
    told: list[dict[str, Any]] = []
    costs: list[tuple[str, float]] = []
    for row in rows.tolist():
        found = smallest(float(missing[row]), lawful(judged, row))
        costs.append((found.verdict, found.low))
        told.append(
            {
                "household_id": str(seen.register.household_id[row]),
                "village_code": str(villages[row]),
                "persons": float(seen.size[row]),
                "pc_net_income": float(income[row]),
                "line": float(bound[row]),
                "missing_yuan": float(missing[row]),
                "verdict": found.verdict,
                "count": len(found.chosen),
                "yuan_low": round(found.low, 2),
                "yuan_high": _yuan(found.high),
                "short_yuan": round(found.short, 2),
                "measures": [one.to_json() for one in found.chosen],
            }
        )
    verdicts = [verdict for verdict, _ in costs]
    return {
        "line": line,
        "where": where,
        "as_of": seen.as_of.isoformat(),
        "policy": seen.policy.version,
        "synthetic": seen.register.info.synthetic,
        "households": int(here.sum()),
        "not_evaluable": int((here & np.isnan(income - bound)).sum()),
        "under": len(rows),
        "verdicts": {verdict: verdicts.count(verdict) for verdict in (REACHES, RESTS, NOTHING)},
        "yearly_yuan_of_sets_that_reach": round(sum(low for verdict, low in costs if verdict == REACHES), 2),
        "list": told,
    }


def _yuan(amount: float) -> float | None:
    return None if np.isinf(amount) else round(amount, 2)
