"""Looks up a policy value by date and region: nation → province → county, or says that it is not evaluable.

A value holds from its start date until the next start date, and at most `max_carry_years` past its own year. An
explicit null at a narrower region overrides what the wider one says ("this county has none that we know of") until somebody
gives a value; absence inherits. None is never a pass.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from features.errors import PolicyError

if TYPE_CHECKING:
    from features.policy.packs import Packs

NATION = "CN"
PROMPTS = ("sudden_expenditure_share", "sudden_income_drop_share")
REACHES = ("income_recency", "finding_recency", "stable_income")
MULTIPLE = "monitoring_multiple"


@dataclass(frozen=True, slots=True)
class Value:
    """A dated value of one region, with where it is written."""

    start: dt.date
    value: float | None
    reference: str
    grade: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One policy number through time and regions."""

    name: str
    zh: str
    en: str
    unit: str
    max_carry_years: int
    values: Mapping[str, tuple[Value, ...]]  # region code ("CN", "52", "520523") → ascending by start


class Lines(NamedTuple):
    """The two lines in force, yuan a person and year; None is not evaluable."""

    poverty: float | None
    monitoring: float | None


class Policy:
    """All parameters, looked up by (name, date, region), and the rules beside them.

    Args:
        parameters: with their dated values.
        version: of the files they stand in.
        packs: the rules; None where only parameters are asked for.
    """

    def __init__(self, parameters: Iterable[Parameter], version: str = "", packs: Packs | None = None) -> None:
        self.packs = packs
        self.parameters = {parameter.name: parameter for parameter in parameters}
        self.version = version
        self._lines: dict[tuple[dt.date, str], Lines] = {}
        self._values: dict[tuple[str, dt.date, str], float | None] = {}
        self._numbers: dict[tuple[dt.date, str], tuple[float, ...]] = {}

    def find(self, name: str, date: dt.date, region: str) -> tuple[str, Value] | None:
        """The value in force and the region that states it; None where nothing does.

        Args:
            name: parameter name.
            date: the day that matters, an event's or the as_of date.
            region: area code of 6 digits or more, or "" for the nation.
        """
        parameter = self.parameters.get(name)
        if parameter is None:
            raise PolicyError(f"no policy parameter named {name!r} 无此政策参数; there are {', '.join(sorted(self.parameters))}")
        for scope in (region[:6], region[:4], region[:2], NATION):
            found = None
            for value in parameter.values.get(scope, ()):
                if value.start <= date:
                    found = value
            if found is not None and (found.value is None or date.year - found.start.year <= parameter.max_carry_years):
                return scope, found
        return None

    def value(self, name: str, date: dt.date, region: str) -> float | None:
        """The number in force, or None: not evaluable."""
        key = (name, date, region[:6])
        if key not in self._values:
            found = self.find(name, date, region)
            self._values[key] = found[1].value if found else None
        return self._values[key]

    def lines(self, date: dt.date, region: str) -> Lines:
        """The poverty line and the monitoring line of a region on a date.

        The poverty line is the national standard where one is known for the date, else the monitoring line divided by
        `MULTIPLE`.
        """
        key = (date, region[:6])
        lines = self._lines.get(key)
        if lines is None:
            monitoring = self.value("monitoring_line", date, region)
            poverty = self.value("poverty_line", date, region)
            if poverty is None and monitoring is not None:
                multiple = self.value(MULTIPLE, date, region)
                poverty = None if multiple is None else monitoring / multiple
            lines = self._lines[key] = Lines(poverty, monitoring)
        return lines

    def numbers(self, date: dt.date, region: str) -> tuple[float, ...]:
        """What features look at of a region on a date: both lines, `PROMPTS` and `REACHES`; NaN is not evaluable."""
        key = (date, region[:6])
        numbers = self._numbers.get(key)
        if numbers is None:
            said = (*self.lines(date, region), *(self.value(name, date, region) for name in (*PROMPTS, *REACHES)))
            numbers = self._numbers[key] = tuple(math.nan if number is None else number for number in said)
        return numbers
