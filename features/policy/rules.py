"""Answers rules for many households at once: yes, no, or not evaluable; and tells for one of them on what an answer rests.

Three words of logic, as numbers: 1 yes, 0 no, NaN not evaluable. A condition of several parts that must all hold is refuted by one part
that does not, whatever is unknown of the others; it holds only when every part is known to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any as Anything

import numpy as np

from features.policy.facts import Facts
from features.policy.language import Against, All, Condition, Not, Rule, Test, Threshold, tests
from features.policy.registry import Policy
from features.policy.span import Span
from features.register import FloatArray

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
        found = self.policy.find(name, date, self.region)
        if name == "poverty_line" and (found is None or found[1].value is None):
            return "监测线的三分之二 two thirds of: " + self.source("monitoring_line")
        parameter = self.policy.parameters[name]
        return f"{parameter.zh}: " + ("未有规定 none in force" if found is None else f"{found[0]} {found[1].start} {found[1].reference}")

    def _named(self, threshold: str | Against) -> tuple[str, float, dt.date]:
        if isinstance(threshold, str):
            return threshold, 1.0, self.date
        date = self.date
        return threshold.of, threshold.times, date.replace(year=date.year - 1, day=min(date.day, 28)) if threshold.year_before else date


class Docket:
    """Some rules of one county on a date, made ready to be answered for many households in a few steps.

    Every test becomes "at least", or its contrary, so that all of them are held against their bounds at once; what is left to each rule is
    to join the answers.

    Args:
        rules: in their order.
        bounds: what their tests are held against.
    """

    def __init__(self, rules: Sequence[Rule], bounds: Bounds) -> None:
        self.rules = rules
        asked = [POPULATIONS.get(rule.population) for rule in rules]
        held = [test for rule in rules for test in tests(rule.when)] + [test for test in asked if test is not None]
        place = {id(test): at for at, test in enumerate(held)}
        self.facts = [test.fact for test in held]
        words = [test.comparison[0] for test in held]
        values = np.array([bounds.threshold(test.comparison[1]) for test in held])
        beyond = np.array([word in ("more_than", "at_most") for word in words], dtype=bool)
        self._values = np.where(beyond, np.nextafter(values, np.inf), values)[:, None]
        self._contrary = np.array([[word in ("at_most", "less_than")] for word in words], dtype=bool).reshape(-1, 1)
        self._conditions = [_joined(rule.when, place) for rule in rules]
        self._populations = [(at, place[id(test)]) for at, test in enumerate(asked) if test is not None]

    def answers(self, facts: Facts) -> FloatArray:
        """Whether each rule holds, (rules, n): its population and its condition."""
        n = facts.seen.n
        if not self.rules:
            return np.empty((0, n))
        spans = [facts[name] for name in self.facts]
        low, high = np.stack([span.low for span in spans]), np.stack([span.high for span in spans])
        tried = np.where(low >= self._values, 1.0, np.where(high < self._values, 0.0, np.nan))
        tried = np.where(self._contrary, 1.0 - tried, tried)
        out = np.stack([_answer(condition, tried) for condition in self._conditions])
        if self._populations:
            limited, asked = map(list, zip(*self._populations, strict=True))
            out[limited] = both(tried[asked], out[limited])
        return out


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


Joined = int | tuple[str, list["Joined"]]


def _joined(condition: Condition, place: Mapping[int, int]) -> Joined:
    """A condition as places of tests, and how they are joined."""
    if isinstance(condition, Test):
        return place[id(condition)]
    if isinstance(condition, Not):
        return "not", [_joined(condition.not_, place)]
    if isinstance(condition, All):
        return "all", [_joined(part, place) for part in condition.all]
    return "any", [_joined(part, place) for part in condition.any]


def _answer(condition: Joined, tried: FloatArray) -> FloatArray:
    if isinstance(condition, int):
        one: FloatArray = tried[condition]
        return one
    word, parts = condition
    answers = [_answer(part, tried) for part in parts]
    if word == "not":
        return 1.0 - answers[0]
    answer = answers[0]
    for other in answers[1:]:
        answer = both(answer, other) if word == "all" else either(answer, other)
    return answer


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


def both(one: FloatArray, other: FloatArray) -> FloatArray:
    """Yes where both are; no where either is not.

    >>> both(np.array([1.0, 0.0, 1.0]), np.array([1.0, np.nan, np.nan]))
    array([ 1.,  0., nan])
    """
    return np.where((one == 0) | (other == 0), 0.0, one * other)


def either(one: FloatArray, other: FloatArray) -> FloatArray:
    """Yes where either is; no where both are not.

    >>> either(np.array([0.0, 1.0, 0.0]), np.array([0.0, np.nan, np.nan]))
    array([ 0.,  1., nan])
    """
    return np.where((one == 1) | (other == 1), 1.0, one + other)


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
