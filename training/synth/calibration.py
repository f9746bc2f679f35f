"""Holds a generated county beside the figures of its county report: target, simulated, tolerance, and whether it was set or emerged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from features.accounts import SIGNS, income_between
from features.folder import read_info
from features.policy import shipped
from features.read import read_register
from features.register import last_full_month
from features.seen import Seen
from training.synth import preset as presets
from training.synth.generate import SynthError
from training.synth.writer import TRUTH

STANDARD = 25_000  # households that counts are scaled to


@dataclass(frozen=True)
class Figure:
    """One line of the calibration table.

    Attributes:
        source: row of the county report as the presets count them, or the project's own target.
        year: None where it speaks of the first year's register or of all years.
        how: "set" put in by the preset, "emerged" not.
        low, high: what passes.
        simulated: NaN where the register does not reach the year.
    """

    source: str
    text: str
    year: int | None
    target: str
    low: float
    high: float
    how: str
    simulated: float

    @property
    def passes(self) -> bool:
        """Whether the simulated figure lies within the tolerance."""
        return self.low <= self.simulated <= self.high


class Evidence:
    """A generated register and its truth, read as the calibration table needs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info = read_info(folder)
        description = yaml.safe_load((folder / "register.yaml").read_text(encoding="utf-8"))
        if not self.info.synthetic or not (folder / TRUTH).is_dir():
            raise SynthError(f"{folder} is no generated county: its truth is missing 不是合成县目录，缺少真值")
        self.first, self.last = int(description["from"]), int(description["to"])
        self.count = int(description["households"])
        self.seed = int(description["seed"])
        found = [name for name in presets.available() if presets.load(name).county == self.info.county]
        self.preset = presets.load(found[0])
        self.policy = shipped.load(synthetic=True)

    def table(self, name: str) -> pd.DataFrame:
        """A table of the register or, as truth/…, of the truth."""
        return pd.read_parquet(self.folder / name)

    @cached_property
    def homes(self) -> pd.DataFrame:
        """Status, relocation and weight of each household, as first registered."""
        rows = self.table("households").drop_duplicates("household_id")
        rows["relocated"] = rows["relocated"].fillna(False).astype(bool)
        rows["exited"] = rows["registry_status"].astype(str) == "exited"
        rows["household_id"] = rows["household_id"].astype(str)
        return rows.set_index("household_id")[["exited", "relocated", "weight"]]

    @cached_property
    def years(self) -> pd.DataFrame:
        """The yearly truth with each household's status beside it; households that have ended are left out."""
        rows = self.table(f"{TRUTH}/years")
        rows["household_id"] = rows["household_id"].astype(str)
        rows = rows.join(self.homes, on="household_id")
        alive: pd.DataFrame = rows[rows["persons"] > 0]
        return alive

    def year(self, year: int) -> pd.DataFrame:
        """The yearly truth of one year."""
        return self.years[self.years["year"] == year]

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """What the register itself tells at each year's end: who fell, who stood in the band; one row a household and year."""
        register = read_register(self.folder, None).register
        until = register.info.known_until
        if until is None:
            raise SynthError(f"{self.folder} does not say until when it is complete")
        later = Seen(register, until, self.policy)
        parts = []
        # the last window must have been reported in time: the third quarter of the last year but one
        for year in range(self.first + 1, self.last):
            as_of = dt.date(year, 9, 30)
            seen = Seen(register, as_of, self.policy)
            first = last_full_month(as_of) + 1
            sums, covered = income_between(later, first, first + 11)
            line, monitoring = seen.lines
            end_line = Seen(register, dt.date(year + 1, 9, 30), self.policy).lines[0]
            now, then = seen.pc_net_income, sums @ SIGNS / later.size
            known = ~np.isnan(now) & ~np.isnan(line) & (covered >= 12)
            with np.errstate(invalid="ignore"):
                parts.append(
                    pd.DataFrame(
                        {
                            "year": year,
                            "below": now < line,
                            "band": (now >= line) & (now < monitoring),
                            "fell": (now >= line) & (then < end_line),
                        }
                    )[known]
                )
        every: pd.DataFrame = pd.concat(parts, ignore_index=True)
        return every

    def plan_lines(self, year: int) -> tuple[float, float]:
        """Poverty and monitoring line of the county at a year's end; NaN is not evaluable."""
        lines = self.policy.lines(dt.date(year, 12, 31), self.info.county)
        return (float("nan") if lines.poverty is None else lines.poverty, float("nan") if lines.monitoring is None else lines.monitoring)

    def falls(self) -> tuple[float, float, float]:
        """Yearly rate of falls, share of households in the band, share of falls that come from it; all years together."""
        rows = self.outcomes
        risk = rows[~rows["below"]]
        return float(risk["fell"].mean()), float(rows["band"].mean()), float(risk["band"][risk["fell"]].mean())


def _rate(rows: pd.DataFrame, part: str, whole: str) -> float:
    return float(rows[part].sum() / rows[whole].sum())


def _edge(evidence: Evidence, year: int) -> pd.DataFrame:
    rows = evidence.year(year)
    poverty, monitoring = evidence.plan_lines(year)
    return rows[~rows["exited"] & (rows["pc_net"] >= poverty) & (rows["pc_net"] < monitoring)]


def _workers(rows: pd.DataFrame) -> float:
    working = rows[rows["employed"] > 0]
    return float(working["employed"].mean())


def _first_living(evidence: Evidence, column: str) -> float:
    rows = evidence.table("living").drop_duplicates("household_id")
    rows["household_id"] = rows["household_id"].astype(str)
    rows = rows.join(evidence.year(evidence.first).set_index("household_id")[["persons", "weight"]], on="household_id", how="inner")
    bad = (rows[column] == (column == "dangerous_house")).astype(float)
    people = rows["weight"] * (rows["persons"] if column == "water_safe" else 1.0)
    return float((bad * people).sum() / people.sum())


def _insured(evidence: Evidence, year: int) -> float:
    rows = evidence.table("members")
    rows["household_id"] = rows["household_id"].astype(str)
    rows = rows[pd.to_datetime(rows["valid_from"]).dt.year <= year].drop_duplicates(["household_id", "member_id"], keep="last")
    rows = rows.join(evidence.homes, on="household_id")
    return float(rows.loc[rows["exited"] & (rows["presence"].astype(str) == "present"), "medical_insured"].astype(float).mean())


def _identified(evidence: Evidence, year: int) -> float:
    rows = evidence.table("monitoring")
    if rows.empty:
        return 0.0
    on = pd.to_datetime(rows["identified_on"])
    return float(rows.loc[on.dt.year == year, "household_id"].astype(str).nunique() * STANDARD / evidence.count)


def _below(evidence: Evidence, year: int) -> float:
    rows = evidence.year(year)
    line = evidence.plan_lines(year)[0]
    people = rows["persons"] * rows["weight"]
    return float(people[rows["pc_net"] < line].sum() / people.sum())


def _villages(evidence: Evidence, digits: int) -> float:
    return float(evidence.table("households")["village_code"].astype(str).str[:digits].nunique())


def _exited(evidence: Evidence, year: int) -> pd.DataFrame:
    rows = evidence.year(year)
    return rows[rows["exited"]]


def _relocated(evidence: Evidence, year: int) -> pd.DataFrame:
    rows = _exited(evidence, year)
    return rows[rows["relocated"]]


MEASURES: dict[str, Callable[[Evidence, int], float]] = {
    "townships": lambda e, _: _villages(e, 9),
    "villages": lambda e, _: _villages(e, 12),
    "exited_households": lambda e, _: float(e.homes.loc[e.homes["exited"], "weight"].sum()),
    "exited_persons": lambda e, y: float((_exited(e, y)["persons"] * _exited(e, y)["weight"]).sum()),
    "exited_size": lambda e, y: float(_exited(e, y)["persons"].mean()),
    "exited_employment": lambda e, y: _rate(_exited(e, y), "employed", "labour_force"),
    "exited_force": lambda e, y: float(_exited(e, y)["labour_force"].mean()),
    "exited_with_work": lambda e, y: float((_exited(e, y)["employed"] > 0).mean()),
    "exited_workers": lambda e, y: _workers(_exited(e, y)),
    "relocated_employment": lambda e, y: _rate(_relocated(e, y), "employed", "labour_force"),
    "relocated_workers": lambda e, y: _workers(_relocated(e, y)),
    "relocated_size": lambda e, y: float(_relocated(e, y)["persons"].mean()),
    "relocated_share": lambda e, y: float(_exited(e, y)["relocated"].mean()),
    "relocated_persons": lambda e, y: float(_relocated(e, y)["persons"].sum() / _exited(e, y)["persons"].sum()),
    "edge_employment": lambda e, y: _rate(_edge(e, y), "employed", "labour_force"),
    "edge_workers": lambda e, y: _workers(_edge(e, y)),
    "edge_gap": lambda e, y: _rate(_exited(e, y), "employed", "labour_force") - _rate(_edge(e, y), "employed", "labour_force"),
    "medical_residual": lambda e, y: _rate(_exited(e, y), "medical_oop", "medical_cost"),
    "medical_cost": lambda e, y: _rate(_exited(e, y), "medical_cost", "persons"),
    "insured": _insured,
    "unsafe_water": lambda e, _: _first_living(e, "water_safe"),
    "dangerous_house": lambda e, _: _first_living(e, "dangerous_house"),
    "trip_earnings": lambda e, y: _rate(e.year(y), "trip_earnings", "trips"),
    "below_line": _below,
    "falls": lambda e, _: e.falls()[0],
    "band": lambda e, _: e.falls()[1],
    "falls_from_band": lambda e, _: e.falls()[2],
    "identified": _identified,
    "median_income": lambda e, y: float(e.year(y)["pc_net"].median()),
}


def calibration(evidence: Evidence) -> list[Figure]:
    """The calibration table of a county: one line a target of its preset, in the preset's order."""
    return [_figure(evidence, entry) for entry in evidence.preset.get("targets")]


def _figure(evidence: Evidence, entry: Mapping[str, Any]) -> Figure:
    year = int(entry.get("year", evidence.first))
    measure = MEASURES[entry["measure"]]
    simulated = measure(evidence, year) if evidence.first <= year <= evidence.last else float("nan")
    if "target" in entry:
        target, tolerance = float(entry["target"]), float(entry["tolerance"])
        low, high, shown = target - tolerance, target + tolerance, f"{target:,.10g} ± {tolerance:,.10g}"
    else:
        low, high = (float(bound) for bound in entry["range"])
        shown = f"{low:,.10g} … {high:,.10g}"
    return Figure(str(entry["source"]), str(entry["text"]), entry.get("year"), shown, low, high, str(entry["how"]), simulated)
