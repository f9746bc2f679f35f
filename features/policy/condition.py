"""Conditions: facts of a household held against numbers or dated parameters, joined by all, any and not."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag, model_validator

from features.policy.declared import Amount, Name, Number
from features.policy.source import Said


class Against(Said):
    """A dated parameter times a number: half of last year's rural income, say.

    Attributes:
        of: the parameter.
        times: the share of it.
        year_before: the value in force a year before the date.
    """

    of: Name
    times: Amount = 1.0
    year_before: bool = False


Threshold = Number | Name | Against


class Test(Said):
    """A fact held against a threshold: exactly one comparison; `at_least` and `at_most` include the threshold, the others do not."""

    __test__ = False  # no test of pytest's

    fact: Name
    at_least: Threshold | None = None
    more_than: Threshold | None = None
    at_most: Threshold | None = None
    less_than: Threshold | None = None
    is_: Annotated[bool | None, Field(alias="is")] = None

    @property
    def comparison(self) -> tuple[str, Threshold]:
        """The word of the comparison and what the fact is held against; yes is 1, no is 0."""
        found = [
            (word, threshold)
            for word in ("at_least", "more_than", "at_most", "less_than")
            if (threshold := getattr(self, word)) is not None
        ]
        if self.is_ is not None:
            found.append(("at_least", 1.0) if self.is_ else ("less_than", 1.0))
        if len(found) != 1:
            raise ValueError("give exactly one of at_least, more_than, at_most, less_than, is 须且只须写一种比较")
        return found[0]

    @model_validator(mode="after")
    def _compares_once(self) -> Test:
        _ = self.comparison
        return self


class All(Said):
    """Every part holds."""

    all: list[Condition] = Field(min_length=1)


class Any(Said):
    """At least one part holds."""

    any: list[Condition] = Field(min_length=1)


class Not(Said):
    """The part does not hold."""

    not_: Condition = Field(alias="not")


def _kind(given: object) -> str:
    keys = set(given) if isinstance(given, dict) else set()
    return next((word for word in ("all", "any", "not") if word in keys), "test")


Condition = Annotated[
    Annotated[Test, Tag("test")] | Annotated[All, Tag("all")] | Annotated[Any, Tag("any")] | Annotated[Not, Tag("not")],
    Discriminator(_kind),
]
for _shape in (All, Any, Not):
    _shape.model_rebuild()


def tests(condition: Condition) -> list[Test]:
    """The tests of a condition, in the order in which they are written."""
    if isinstance(condition, Test):
        return [condition]
    parts = condition.all if isinstance(condition, All) else condition.any if isinstance(condition, Any) else [condition.not_]
    return [test for part in parts for test in tests(part)]
