"""Holds a generated county beside the figures of its county report: target, simulated, tolerance, and whether it was set or emerged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.synth.evidence import Evidence
from training.synth.measurements import MEASURES, Estimate


@dataclass(frozen=True)
class Figure:
    """One line of the calibration table.

    Attributes:
        source: row of the county report as the presets count them, or the project's own target.
        year: None where it speaks of the first year's register or of all years.
        how: "set" put in by the preset, "emerged" not.
        low, high: what passes.
        simulated: NaN where the register does not reach the year.
        interval: 95 % interval of the simulated figure where it rests on few households.
    """

    source: str
    text: str
    year: int | None
    target: str
    low: float
    high: float
    how: str
    simulated: float
    interval: tuple[float, float] | None = None

    @property
    def passes(self) -> bool:
        """Whether the simulated figure lies within the tolerance."""
        return self.low <= self.simulated <= self.high


def calibration(evidence: Evidence) -> list[Figure]:
    """The calibration table of a county: one line a target of its preset, in the preset's order."""
    return [_figure(evidence, entry) for entry in evidence.preset.get("targets")]


def _figure(evidence: Evidence, entry: Mapping[str, Any]) -> Figure:
    year = int(entry.get("year", evidence.first))
    measure = MEASURES[entry["measure"]]
    found = measure(evidence, year) if evidence.first <= year <= evidence.last else float("nan")
    simulated, interval = (found.value, (found.low, found.high)) if isinstance(found, Estimate) else (found, None)
    if "target" in entry:
        target, tolerance = float(entry["target"]), float(entry["tolerance"])
        low, high, shown = target - tolerance, target + tolerance, f"{target:,.10g} ± {tolerance:,.10g}"
    else:
        low, high = (float(bound) for bound in entry["range"])
        shown = f"{low:,.10g} … {high:,.10g}"
    return Figure(str(entry["source"]), str(entry["text"]), entry.get("year"), shown, low, high, str(entry["how"]), simulated, interval)
