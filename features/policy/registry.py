"""Looks up a policy value by date and region: nation → province → county, or says that it is not evaluable.

A value holds from its start date until the next start date, and at most `max_carry_years` past its own year. An
explicit null at a narrower region overrides what the wider one says ("this county has none that we know of"); absence
inherits. None is never a pass.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from features.errors import PolicyError

NATION = "CN"
PROMPTS = ("sudden_expenditure_share", "sudden_income_drop_share")
GRADES = {"sourced", "derived", "memory", "synthetic", "calibrated", "proposal"}
PARAMETERS = Path(__file__).parent / "parameters"
SYNTHETIC = Path(__file__).parent / "synthetic"


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
    """All parameters, looked up by (name, date, region)."""

    def __init__(self, parameters: Iterable[Parameter], version: str = "") -> None:
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
            if found is not None and date.year - found.start.year <= parameter.max_carry_years:
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

        The poverty line is the national standard where one is known for the date, else exactly two thirds of the
        monitoring line.
        """
        key = (date, region[:6])
        lines = self._lines.get(key)
        if lines is None:
            monitoring = self.value("monitoring_line", date, region)
            poverty = self.value("poverty_line", date, region)
            if poverty is None and monitoring is not None:
                poverty = monitoring * 2 / 3
            lines = self._lines[key] = Lines(poverty, monitoring)
        return lines

    def numbers(self, date: dt.date, region: str) -> tuple[float, ...]:
        """What features look at of a region on a date: both lines and `PROMPTS`; NaN is not evaluable."""
        key = (date, region[:6])
        numbers = self._numbers.get(key)
        if numbers is None:
            said = (*self.lines(date, region), *(self.value(name, date, region) for name in PROMPTS))
            numbers = self._numbers[key] = tuple(math.nan if number is None else number for number in said)
        return numbers


@lru_cache(maxsize=4)
def load(*, synthetic: bool = False) -> Policy:
    """The shipped policy; with `synthetic`, the made-up line table of synthetic registers instead of the real lines.

    Raises:
        PolicyError: with every fault of every file.
    """
    files = {path.stem: path for path in sorted(PARAMETERS.glob("*.yaml"))}
    if synthetic:
        files |= {path.stem: path for path in sorted(SYNTHETIC.glob("*.yaml"))}
    faults: list[str] = []
    parameters = [parameter for path in files.values() if (parameter := _read(path, faults)) is not None]
    if faults:
        raise PolicyError("the policy files have faults 政策文件有误:\n  " + "\n  ".join(faults))
    version = hashlib.sha256(b"".join(path.read_bytes() for _, path in sorted(files.items()))).hexdigest()[:12]
    return Policy(parameters, ("synthetic-" if synthetic else "") + version)


def _read(path: Path, faults: list[str]) -> Parameter | None:
    text: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    before = len(faults)
    needed = {"zh", "en", "unit", "values"}
    faults.extend(f"{path.name}: {name} is missing 缺少" for name in sorted(needed - set(text)))
    faults.extend(f"{path.name}: {name} is unknown 未知条目" for name in sorted(set(text) - needed - {"max_carry_years"}))
    values: dict[str, tuple[Value, ...]] = {}
    for region, entries in (text.get("values") or {}).items():
        dated = []
        for entry in entries:
            where = f"{path.name}: {region} {entry.get('from')}"
            if not isinstance(entry.get("from"), dt.date):
                faults.append(f"{where}: `from` is not a date 不是日期")
                continue
            if "value" not in entry or not (entry["value"] is None or isinstance(entry["value"], (int, float))):
                faults.append(f"{where}: value is neither a number nor null 应为数字或 null")
            if not entry.get("reference"):
                faults.append(f"{where}: a value without a reference 缺少依据")
            if entry.get("grade") not in GRADES:
                faults.append(f"{where}: grade must be one of {sorted(GRADES)}")
            dated.append(Value(entry["from"], entry.get("value"), str(entry.get("reference", "")), str(entry.get("grade", ""))))
        starts = [value.start for value in dated]
        if starts != sorted(set(starts)):
            faults.append(f"{path.name}: {region}: start dates must ascend without repeats 起始日期须递增且不重复")
        values[str(region)] = tuple(dated)
    if len(faults) > before:
        return None
    return Parameter(path.stem, text["zh"], text["en"], text["unit"], int(text.get("max_carry_years", 0)), values)
