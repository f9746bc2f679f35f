"""Answers rules for many households at once: yes, no, or not evaluable; and tells for one of them on what an answer rests.

Three words of logic, as numbers: 1 yes, 0 no, NaN not evaluable. A condition of several parts that must all hold is refuted by one part
that does not, whatever is unknown of the others; it holds only when every part is known to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, product
from math import prod
from typing import Any as Anything

import numpy as np

from features.policy.condition import Against, All, Condition, Not, Test, Threshold, tests
from features.policy.facts import Facts
from features.policy.language import Rule
from features.policy.names import with_code
from features.policy.registry import MULTIPLE, Policy, Value
from features.policy.span import Span
from features.register import Array, FloatArray

LINES = ("poverty_line", "monitoring_line")  # of which one may follow from the other
POPULATIONS = {
    population: Test.model_validate({"fact": fact, "is": wanted})
    for population, fact, wanted in (("exited", "exited", True), ("ordinary", "exited", False), ("monitored", "monitored", True))
}
"""The test that tells whether a household belongs to a population."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A test as it came out for one household.

    Attributes:
        fact: its name; `zh`, `en`, `unit` as declared.
        low, high: the span of the fact; None on a side that is open.
        word: at_least, more_than, at_most or less_than.
        threshold: what it was held against; None where no value is in force.
        source: where the threshold stands.
        holds: True, False, or None: not evaluable.
    """

    fact: str
    zh: str
    en: str
    unit: str
    low: float | None
    high: float | None
    word: str
    threshold: float | None
    source: str
    holds: bool | None

    def to_json(self) -> dict[str, Anything]:
        """As plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


class Bounds:
    """What tests are held against in one county on a date.

    Args:
        policy: dated parameters.
        region: area code of the county whose values count.
        date: the day.
    """

    def __init__(self, policy: Policy, region: str, date: dt.date) -> None:
        self.policy = policy
        self.region = region
        self.date = date

    def threshold(self, threshold: Threshold) -> float:
        """What is in force in the county on the date; NaN where nothing is."""
        if isinstance(threshold, float):
            return threshold
        name, times, date = self._named(threshold)
        value = self.policy.lines(date, self.region)[LINES.index(name)] if name in LINES else self.policy.value(name, date, self.region)
        return np.nan if value is None else value * times

    def source(self, threshold: Threshold) -> str:
        """Where a threshold stands: empty for a number that stands in the rule itself."""
        if isinstance(threshold, float):
            return ""
        name, _, date = self._named(threshold)
        return self._source(name, date)

    def _source(self, name: str, date: dt.date) -> str:
        found = self.policy.find(name, date, self.region)
        if name == "poverty_line" and (found is None or found[1].value is None):
            multiple = self.policy.value(MULTIPLE, date, self.region)
            by = "" if multiple is None else f" {multiple:.10g}"
            return f"监测线 ÷ 倍数{by} monitoring line ÷ multiple: {self._source(LINES[1], date)}; {self._source(MULTIPLE, date)}"
        parameter = self.policy.parameters[name]
        return f"{parameter.zh}: " + ("未有规定 none in force" if found is None else _stated(found, self.policy))

    def _named(self, threshold: str | Against) -> tuple[str, float, dt.date]:
        if isinstance(threshold, str):
            return threshold, 1.0, self.date
        date = self.date
        return threshold.of, threshold.times, date.replace(year=date.year - 1, day=min(date.day, 28)) if threshold.year_before else date


def _stated(found: tuple[str, Value], policy: Policy) -> str:
    """Who states a value, since when, and where; and of what grade it is where no source gives it."""
    scope, value = found
    grade = "" if value.grade == "sourced" else f" ({value.grade})"
    return f"{with_code(scope, policy)} {value.start} {value.reference}{grade}"


class Docket:
    """Some rules of one county on a date, made ready to be answered for many households in a few steps, however many rules there are.

    Every test becomes "at least", or its contrary, so that all of them are held against their bounds at once. Every condition becomes
    clauses that must all hold, each of tests of which one suffices, so that all conditions are joined at once; the three words of logic
    obey the laws that this takes.

    Args:
        rules: in their order.
        bounds: what their tests are held against.
    """

    def __init__(self, rules: Sequence[Rule], bounds: Bounds) -> None:
        self.rules = rules
        conditions = [clauses(rule.when) for rule in rules]
        for rule, condition in zip(rules, conditions, strict=True):
            if (population := POPULATIONS.get(rule.population)) is not None:
                condition.append([(population, False)])
        literals = list({_key(literal): literal for found in conditions for clause in found for literal in clause}.values())
        self.facts = [test.fact for test, _ in literals]
        words = [test.comparison[0] for test, _ in literals]
        values = np.array([bounds.threshold(test.comparison[1]) for test, _ in literals])
        beyond = np.array([word in ("more_than", "at_most") for word in words], dtype=bool)
        self._values = np.where(beyond, np.nextafter(values, np.inf), values)[:, None]
        below = [(word in ("at_most", "less_than")) != negated for word, (_, negated) in zip(words, literals, strict=True)]
        self._contrary = np.array(below, dtype=bool).reshape(-1, 1)
        self._places = _places(conditions, [_key(literal) for literal in literals])

    def answers(self, facts: Facts) -> FloatArray:
        """Whether each rule holds, (rules, n): its population and its condition."""
        n = facts.seen.n
        if not self.rules:
            return np.empty((0, n))
        spans = [facts[name] for name in self.facts]
        low, high = (np.concatenate(side).reshape(-1, n) for side in zip(*spans, strict=True))
        yes, no = low >= self._values, high < self._values
        tried = np.empty((2 + len(spans), n), dtype=np.int8)
        tried[_NEVER], tried[_ALWAYS] = _NO, _YES
        tried[_FIRST:] = _OPEN + np.where(self._contrary, no, yes) - np.where(self._contrary, yes, no)
        joined = tried.take(self._places, axis=0).max(axis=2).min(axis=1)
        words: FloatArray = _WORDS.take(joined)
        return words


_NO, _OPEN, _YES = range(3)  # in this order, all of several is the least of them and any of several the most
_WORDS = np.array([0.0, np.nan, 1.0])
_NEVER, _ALWAYS, _FIRST = range(3)  # before the tests stand a clause that no household passes, and one that every household does
Literal = tuple[Test, bool]


def clause_count(condition: Condition, negated: bool = False) -> int:
    """How many clauses a condition makes; alternatives of many parts each multiply."""
    if isinstance(condition, Test):
        return 1
    if isinstance(condition, Not):
        return clause_count(condition.not_, not negated)
    parts = [clause_count(part, negated) for part in (condition.all if isinstance(condition, All) else condition.any)]
    return sum(parts) if isinstance(condition, All) != negated else prod(parts)


def clauses(condition: Condition, negated: bool = False) -> list[list[Literal]]:
    """A condition, or its contrary, as clauses that must all hold, each of tests (or their contraries) of which one suffices."""
    if isinstance(condition, Test):
        return [[(condition, negated)]]
    if isinstance(condition, Not):
        return clauses(condition.not_, not negated)
    parts = [clauses(part, negated) for part in (condition.all if isinstance(condition, All) else condition.any)]
    if isinstance(condition, All) != negated:
        return list(chain.from_iterable(parts))
    return [list(chain.from_iterable(chosen)) for chosen in product(*parts)]


def _key(literal: Literal) -> tuple[int, bool]:
    return id(literal[0]), literal[1]


def _places(conditions: Sequence[list[list[Literal]]], tried: Sequence[tuple[int, bool]]) -> Array:
    """(rules, clauses, literals) where each literal stands among the tests; filled up with what changes nothing."""
    clauses = max(map(len, conditions), default=0)
    literals = max((len(clause) for found in conditions for clause in found), default=0)
    places = np.full((len(conditions), clauses, literals), _NEVER)
    place = {key: at for at, key in enumerate(tried, _FIRST)}
    for rule, found in enumerate(conditions):
        places[rule, len(found) :] = _ALWAYS
        for at, clause in enumerate(found):
            places[rule, at, : len(clause)] = [place[_key(literal)] for literal in clause]
    return places


def tell(rule: Rule, row: int, facts: Facts, bounds: Bounds) -> list[Tried]:
    """On what the answer of a rule rests for one household: every test of it, the population's first."""
    population = POPULATIONS.get(rule.population)
    return [_tried(test, row, facts, bounds) for test in ([] if population is None else [population]) + tests(rule.when)]


def _tried(test: Test, row: int, facts: Facts, bounds: Bounds) -> Tried:
    word, threshold = test.comparison
    span, declared = facts[test.fact], facts.declared[test.fact]
    value = bounds.threshold(threshold)
    answer = compare(Span(span.low[row : row + 1], span.high[row : row + 1]), word, value)[0]
    low, high = (None if np.isinf(bound[row]) else float(bound[row]) for bound in span)
    return Tried(
        test.fact,
        declared.zh,
        declared.en,
        declared.unit,
        low,
        high,
        word,
        None if np.isnan(value) else value,
        bounds.source(threshold),
        None if np.isnan(answer) else bool(answer),
    )


def compare(span: Span, word: str, threshold: float) -> FloatArray:
    """Whether a number that lies in a span stands so to a threshold.

    >>> compare(Span(np.array([5000.0, 0.0, 0.0]), np.array([np.inf, 4999.0, 5000.0])), "at_least", 5000.0)
    array([ 1.,  0., nan])
    """
    low, high = span
    yes, no = {
        "at_least": (low >= threshold, high < threshold),
        "more_than": (low > threshold, high <= threshold),
        "at_most": (high <= threshold, low > threshold),
        "less_than": (high < threshold, low >= threshold),
    }[word]
    return np.where(yes, 1.0, np.where(no, 0.0, np.nan))


def first_of(answers: Sequence[FloatArray]) -> FloatArray:
    """Which of several answers, in their order, is the first yes: its place, or as many as there are where all are no.

    NaN where one before it cannot be evaluated: that one might have been the first.

    >>> first_of([np.array([0.0, 1.0, np.nan, 0.0]), np.array([1.0, 1.0, 1.0, 0.0])])
    array([ 1.,  0., nan,  2.])
    """
    place = np.full(len(answers[0]), float(len(answers)))
    for at, answer in reversed(list(enumerate(answers))):
        place = np.where(answer == 1, float(at), np.where(np.isnan(answer), np.nan, place))
    return place
