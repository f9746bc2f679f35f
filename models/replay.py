"""冲击前后对比：谁跌破哪条线，谁的等级变动，多少已在名单上。Who would cross a line, whose tier moves, who is on the list already.

Facts and model stand apart. Crossing is a fact by policy's own formulas: net income, and reference income (net income and claims less
compliant self-payment), a head and year, which are told only of households whose twelve months are all known and recent. Probability and
tier are the model's. Worked example: 7,400 yuan a head stand above a line of 7,300; a bill leaves 6,000 a head to reference income and
7,400 to net income: by the one the household crosses, by the other not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features.build import FeatureFrame, features_of, look
from features.money import to_fen
from features.policy import formulas
from features.policy.judgement import Judgement
from features.policy.registry import Policy
from features.policy.span import Span
from features.register import Array, BoolArray, FloatArray, Register
from features.seen import Seen
from models.bundle import Bundle
from models.scenario import Shock, Struck, codes, inside, strike
from models.scorer import Scores, score
from models.tiers import TIERS

TOWN_DIGITS = 9
LINES = ("poverty_line", "monitoring_line")
INCOMES = ("net_income", "reference_income")
TESTS = tuple(f"{income}_under_{line}" for income in INCOMES for line in LINES)
TEST_ZH = {
    "net_income_under_poverty_line": "人均纯收入低于贫困线",
    "net_income_under_monitoring_line": "人均纯收入低于监测线",
    "reference_income_under_poverty_line": "人均参考收入低于贫困线",
    "reference_income_under_monitoring_line": "人均参考收入低于监测线",
}
Progress = Callable[[str], None]


@dataclass(frozen=True)
class State:
    """某一状态下的全部户。All households of a register on a day, scored and held against both lines, in the frame's order.

    Attributes:
        incomes: by name, yuan a person and year, each a span that is open where it is not known.
        under: by test, 1 under the line, 0 not, NaN not evaluable.
        called: 1 where a rule calls for a visit, 0 where none does, NaN where that cannot be told.
    """

    frame: FeatureFrame
    scores: Scores
    incomes: Mapping[str, Span]
    under: Mapping[str, FloatArray]
    called: FloatArray

    @property
    def listed(self) -> BoolArray:
        """Households of the list that call for a visit: in a tier, those under the line among them, or called by a rule."""
        return np.asarray((self.scores.tier != TIERS[0]) | (self.called == 1))


@dataclass(frozen=True)
class Replay:
    """一次推演的前后。What a shock would do: the same households before and after it, row by row."""

    shock: Shock
    where: str
    struck: Struck
    here: BoolArray
    before: State
    after: State

    @cached_property
    def crosses(self) -> Mapping[str, BoolArray]:
        """By test, who of the place is not under the line before and certainly is after."""
        return {test: self.here & (self.before.under[test] == 0) & (self.after.under[test] == 1) for test in TESTS}

    @cached_property
    def newly_called(self) -> BoolArray:
        """Whom of the place a rule calls for after and none called for certain before."""
        return np.asarray(self.here & (self.after.called == 1) & (self.before.called != 1))

    @cached_property
    def tier_moves(self) -> BoolArray:
        """Whose tier, of the place's households, is another one after."""
        return np.asarray(self.here & (self.before.scores.tier != self.after.scores.tier))

    @cached_property
    def rows(self) -> Array:
        """The households to tell of: who crosses a line, moves in tier or is newly called, as the list after the shock would show them."""
        moved = np.logical_or.reduce([*self.crosses.values(), self.newly_called, self.tier_moves])
        order = self.after.scores.order
        return np.asarray(order[moved[order]])


def state(seen: Seen, bundle: Bundle, threads: int = 1) -> State:
    """登记册在某日的状态。Scores, incomes and lines of every household known on a day.

    Raises:
        BundleError: the model looks at what the register does not have.
    """
    with np.errstate(invalid="ignore"):
        frame, judged = features_of(seen), Judgement(seen, seen.policy)
        called = judged.called[frame.position]
        reference, size = formulas.reference_income(seen), seen.size
        incomes = {
            "net_income": Span.of(formulas.pc_net_income(seen)),
            "reference_income": Span.between(to_fen(reference.low / size), to_fen(reference.high / size)),
        }
        incomes = {name: Span(span.low[frame.position], span.high[frame.position]) for name, span in incomes.items()}
        lines = dict(zip(LINES, (frame.facts.poverty_line, frame.facts.monitoring_line), strict=True))
        under = {f"{name}_under_{line}": _under(span, bound) for name, span in incomes.items() for line, bound in lines.items()}
    return State(frame, score(bundle, frame, threads, called), incomes, under, called)


def _under(span: Span, line: FloatArray) -> FloatArray:
    """Whether what lies in a span is under a line: 1 yes, 0 no, NaN not known."""
    return np.where(span.high < line, 1.0, np.where(span.low >= line, 0.0, np.nan))


def replay(
    register: Register,
    as_of: dt.date,
    policy: Policy,
    bundle: Bundle,
    *,
    shock: Shock,
    where: str = "",
    threads: int = 1,
    progress: Progress = lambda _: None,
) -> Replay:
    """推演一种冲击。Plays a shock on a register, and holds the day before it against the day after it.

    Args:
        register: the facts; neither they nor anything else is changed.
        as_of: the day; what the shock adds is known on it.
        policy: lines and rules.
        bundle: the model.
        shock: what happens.
        where: area code of the place that is struck; "" is everywhere.
        threads: for large registers.
        progress: called with the name of each step as it starts.

    Returns:
        both states of all households of the register, those elsewhere among them.

    Raises:
        ValueError: no shock is like that.
        BundleError: the model looks at what the register does not have.
    """
    seen = look(register, as_of, policy)
    progress("冲击之前 before")
    before = state(seen, bundle, threads)
    progress("冲击 shock")
    struck = strike(seen, shock, where)
    progress("冲击之后 after")
    after = state(look(struck.register, as_of, struck.policy), bundle, threads)
    return Replay(shock, where, struck, inside(seen, where)[before.frame.position], before, after)


def report(done: Replay, register: Register, bundle: Bundle) -> dict[str, Any]:
    """推演报告。The counts of a replay, in all and by township, and its households; plain values, null where not known."""
    before, after = done.before, done.after
    towns = np.array([code[:TOWN_DIGITS] for code in codes(register)] + [""])[before.frame.facts.village]
    hit = done.struck.hit[before.frame.position]
    by_town = [{"town": town} | _counts(done, done.here & (towns == town), hit) for town in np.unique(towns[done.here]).tolist()]
    tiers = {
        was: {now: int((done.here & (before.scores.tier == was) & (after.scores.tier == now)).sum()) for now in TIERS[::-1]}
        for was in TIERS[::-1]
    }
    return {
        "shock": {"kind": type(done.shock).__name__} | asdict(done.shock),
        "where": done.where,
        "as_of": before.frame.as_of.isoformat(),
        "model": bundle.version,
        "policy": done.struck.policy.version,
        "synthetic": register.info.synthetic,
        **_counts(done, done.here, hit),
        "spared": dict(done.struck.spared),
        "noted": dict(done.struck.noted),
        "rests_on": list(done.struck.rests_on),
        "tests": [_test(done, test) for test in TESTS],
        "tiers": tiers,
        "by_town": by_town,
        "list": households(done, register),
    }


def _counts(done: Replay, chosen: BoolArray, hit: BoolArray) -> dict[str, Any]:
    crossing = np.logical_or.reduce(list(done.crosses.values())) & chosen
    rose = done.after.scores.probability > done.before.scores.probability
    listed = done.before.listed
    return {
        "households": int(chosen.sum()),
        "struck": int((chosen & hit).sum()),
        "crossing": int(crossing.sum()),
        "crossing_already_listed": int((crossing & listed).sum()),
        "crossing_already_in_tier": int((crossing & (done.before.scores.tier != TIERS[0])).sum()),
        "tier_moves": int((chosen & done.tier_moves).sum()),
        "probability_rises": int((chosen & rose).sum()),
        "newly_called": int((chosen & done.newly_called).sum()),
        "listed_before": int((chosen & listed).sum()),
        "listed_after": int((chosen & done.after.listed).sum()),
    }


def _test(done: Replay, test: str) -> dict[str, Any]:
    """One test: under before, crossing, and of whom it cannot be told."""
    was, now = done.before.under[test][done.here], done.after.under[test][done.here]
    crosses = done.crosses[test]
    return {
        "test": test,
        "zh": TEST_ZH[test],
        "under_before": int((was == 1).sum()),
        "crosses": int(crosses.sum()),
        "already_listed": int((crosses & done.before.listed).sum()),
        "may_cross": int(((was == 0) & np.isnan(now)).sum()),
        "not_evaluable_before": int(np.isnan(was).sum()),
    }


def households(done: Replay, register: Register) -> list[dict[str, Any]]:
    """逐户前后。The households of which there is something to tell, before and after; the most at risk first."""
    rows, villages = done.rows, np.array([*codes(register), ""])
    facts, columns = done.before.frame.facts, {}
    columns["household_id"] = done.before.frame.household_id[rows]
    columns["village_code"] = villages[facts.village[rows]]
    columns["already_listed"] = done.before.listed[rows]
    columns["newly_called"] = done.newly_called[rows]
    columns |= {f"crosses_{test}": done.crosses[test][rows] for test in TESTS}
    for when, side in (("before", done.before), ("after", done.after)):
        columns |= {f"{name}_{when}": getattr(side.scores, name)[rows] for name in ("state", "tier", "probability")}
        columns |= {f"{line}_{when}": getattr(side.frame.facts, line)[rows] for line in LINES}
        for name, span in side.incomes.items():
            told = np.where(span.low == span.high, span.low, np.nan)
            columns[f"pc_{name}_{when}"] = told[rows]
    return plain(columns)


def plain(columns: Mapping[str, Array]) -> list[dict[str, Any]]:
    """按行的普通值。Columns as rows of plain values; what is not finite is null."""
    cells = [
        [None if isinstance(cell, float) and not np.isfinite(cell) else cell for cell in values.tolist()] for values in columns.values()
    ]
    return [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]
