"""The figures that a generated county can be asked for, by the names that presets use in their targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from training.synth.evidence import Evidence

STANDARD = 25_000  # households that counts are scaled to
POSTS = ("public_post", "temporary_post")


@dataclass(frozen=True)
class Estimate:
    """A figure that rests on few households, with the 95 % interval that their number leaves."""

    value: float
    low: float
    high: float


def counted(number: float, scale: float = 1.0) -> Estimate:
    """A count with its exact Poisson interval, both times `scale`.

    >>> counted(22)
    Estimate(value=22.0, low=13.8, high=33.3)
    """
    low = gammaincinv(number, 0.025) if number else 0.0
    return Estimate(float(number * scale), round(float(low) * scale, 1), round(float(gammaincinv(number + 1, 0.975)) * scale, 1))


def averaged(values: pd.Series) -> Estimate:
    """A mean with its interval, two standard errors to each side."""
    mean = float(values.mean())
    error = float(2 * values.std() / np.sqrt(max(len(values), 1)))
    return Estimate(mean, mean - error, mean + error)


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


def _new(evidence: Evidence, category: str = "") -> pd.DataFrame:
    """Newly identified households with their category and year."""
    rows = evidence.table("monitoring").drop_duplicates("household_id")
    rows["year"] = pd.to_datetime(rows["identified_on"]).dt.year
    rows["household_id"] = rows["household_id"].astype(str)
    return rows[rows["category"].astype(str) == category] if category else rows


def _identified(evidence: Evidence, year: int) -> Estimate:
    return counted(int((_new(evidence)["year"] == year).sum()), STANDARD / evidence.count)


def _identified_in_county(evidence: Evidence, year: int, category: str) -> Estimate:
    rows = _new(evidence, category)
    status = evidence.homes[evidence.homes["exited"] == (category == "unstable_exited")]
    return counted(int((rows["year"] == year).sum()), float(status["weight"].iloc[0]))  # households of one status weigh the same


def _identified_size(evidence: Evidence, category: str) -> Estimate:
    """Persons per newly identified household, all years together: one year has too few."""
    rows = _new(evidence, category).merge(evidence.years[["household_id", "year", "persons"]], on=["household_id", "year"])
    return averaged(rows["persons"])


def _villages(evidence: Evidence, digits: int) -> float:
    return float(evidence.table("households")["village_code"].astype(str).str[:digits].nunique())


def _exited(evidence: Evidence, year: int) -> pd.DataFrame:
    rows = evidence.year(year)
    return rows[rows["exited"]]


def _poor(evidence: Evidence, year: int) -> pd.DataFrame:
    """Households that are registered poor when a year begins."""
    rows = _exited(evidence, year)
    return rows[rows["exit_year"] >= year]


def _remaining(evidence: Evidence, year: int) -> pd.DataFrame:
    """Households that are still registered poor when a year ends."""
    rows = _exited(evidence, year)
    return rows[rows["exit_year"] > year]


def _left(evidence: Evidence, year: int) -> pd.DataFrame:
    """Households that have left poverty by the end of a year."""
    rows = _exited(evidence, year)
    return rows[rows["exit_year"] <= year]


def _people(rows: pd.DataFrame) -> float:
    return float((rows["persons"] * rows["weight"]).sum())


def _overlap(evidence: Evidence, year: int) -> float:
    """Share on dibao when a year begins, of the persons registered poor when the first year began."""
    rows = _exited(evidence, year)
    return _rate(rows[rows["exit_year"] >= evidence.first], "dibao_persons", "persons")


def _covered(evidence: Evidence, year: int) -> float:
    rows = _poor(evidence, year)
    return float(rows["persons"][rows["dibao_persons"] + rows["supported"] > 0].sum() / rows["persons"].sum())


def _card(evidence: Evidence, year: int, colour: str) -> float:
    """Share of the households ever registered that policy gives a card when a year ends; without a colour, for which it cannot tell."""
    return float((evidence.classes("card_colour", year) == colour).mean())


def _dibao_tier(evidence: Evidence, year: int, place: int) -> float:
    """Yuan a month and covered person of the tiers, the highest first."""
    rates = evidence.year(year)["dibao_rate"].round(1)
    return float(np.sort(rates[rates > 0].unique())[::-1][place])


def _living(evidence: Evidence, year: int) -> pd.DataFrame:
    """Houses as they are when a year ends."""
    rows = evidence.table("living")
    rows = rows[pd.to_datetime(rows["valid_from"]).dt.year <= year].drop_duplicates("household_id", keep="last")
    return rows.assign(household_id=rows["household_id"].astype(str)).join(evidence.homes, on="household_id")


def _water(evidence: Evidence, year: int, column: str) -> float:
    rows = _living(evidence, year).dropna(subset=[column])
    return float((rows[column].astype(float) * rows["weight"]).sum() / rows["weight"].sum())


def _dangerous(evidence: Evidence, year: int) -> pd.DataFrame:
    rows = _living(evidence, year)
    return rows[rows["dangerous_house"].fillna(False).astype(bool)]


def _work(evidence: Evidence, year: int) -> pd.DataFrame:
    """Kind of work of the members of exited households who work at the middle of a year, self-employment and local work left out."""
    middle = pd.Timestamp(year, 6, 30)
    rows = evidence.table("employment")
    start, end = pd.to_datetime(rows["start_date"]), pd.to_datetime(rows["end_date"])
    rows["open"] = (start <= middle) & ~(end <= middle)
    rows = rows[start <= middle].drop_duplicates(["member_id", "start_date"], keep="last")
    rows = rows.assign(household_id=rows["household_id"].astype(str), kind=rows["work_kind"].astype(str))
    rows = rows[rows["open"]].join(evidence.homes, on="household_id")
    return rows[rows["exited"] & rows["kind"].isin(["migrant", "workshop", *POSTS])]


def _work_share(evidence: Evidence, year: int, *kinds: str) -> float:
    return float(_work(evidence, year)["kind"].isin(kinds).mean())


def _granted(evidence: Evidence, table: str, named: str, kind: str) -> pd.DataFrame:
    """The first row of a kind of each household that was registered poor."""
    rows = evidence.table(table)
    rows = rows[rows[named].astype(str) == kind].drop_duplicates("household_id")
    rows = rows.assign(household_id=rows["household_id"].astype(str)).join(evidence.homes, on="household_id")
    return rows[rows["exited"]]


def _microcredit(evidence: Evidence) -> pd.DataFrame:
    return _granted(evidence, "debts", "lender", "microcredit")


def _projects(evidence: Evidence) -> pd.DataFrame:
    return _granted(evidence, "measures", "measure_kind", "industry")


def _relocated(evidence: Evidence, year: int) -> pd.DataFrame:
    rows = _exited(evidence, year)
    return rows[rows["relocated"]]


MEASURES: dict[str, Callable[[Evidence, int], float | Estimate]] = {
    "townships": lambda e, _: _villages(e, 9),
    "villages": lambda e, _: _villages(e, 12),
    "exited_households": lambda e, _: float(e.homes.loc[e.homes["exited"], "weight"].sum()),
    "exited_persons": lambda e, y: _people(_exited(e, y)),
    "exited_size": lambda e, y: float(_exited(e, y)["persons"].mean()),
    "exited_employment": lambda e, y: _rate(_exited(e, y), "employed", "labour_force"),
    "exited_force": lambda e, y: float(_exited(e, y)["labour_force"].mean()),
    "exited_with_work": lambda e, y: float((_exited(e, y)["employed"] > 0).mean()),
    "exited_workers": lambda e, y: _workers(_exited(e, y)),
    "left_households": lambda e, y: float(e.homes["weight"][e.homes["exited"] & (e.homes["exit_year"] <= y)].sum()),
    "left_size": lambda e, y: float(_left(e, y)["persons"].mean()),
    "household_size": lambda e, y: _people(e.year(y)) / float(e.year(y)["weight"].sum()),
    "poor_households": lambda e, y: float(_poor(e, y)["weight"].sum()),
    "poor_persons": lambda e, y: _people(_poor(e, y)),
    "poor_size": lambda e, y: float(_poor(e, y)["persons"].mean()),
    "poor_rate": lambda e, y: _people(_poor(e, y)) / _people(e.year(y)),
    "remaining_households": lambda e, y: float(_remaining(e, y)["weight"].sum()),
    "remaining_persons": lambda e, y: _people(_remaining(e, y)),
    "remaining_size": lambda e, y: float(_remaining(e, y)["persons"].mean()),
    "remaining_rate": lambda e, y: _people(_remaining(e, y)) / _people(e.year(y)),
    "remaining_covered": _covered,
    "card_blue": lambda e, y: _card(e, y, "blue_card"),
    "card_yellow": lambda e, y: _card(e, y, "yellow_card"),
    "card_red": lambda e, y: _card(e, y, "red_card"),
    "card_open": lambda e, y: _card(e, y, ""),
    "dibao_overlap": _overlap,
    "dibao_a": lambda e, y: _dibao_tier(e, y, 0),
    "dibao_b": lambda e, y: _dibao_tier(e, y, 1),
    "dibao_c": lambda e, y: _dibao_tier(e, y, 2),
    "hospital_residual": lambda e, y: _rate(_exited(e, y), "hospital_oop", "hospital_cost"),
    "claims": lambda e, y: float((_exited(e, y)["claims"] * _exited(e, y)["weight"]).sum()),
    "claim_mean": lambda e, y: _rate(_exited(e, y), "claimed", "claims"),
    "dividend_households": lambda e, y: float(_exited(e, y)["weight"][_exited(e, y)["dividend"] > 0].sum()),
    "dividend_mean": lambda e, y: float(_exited(e, y)["dividend"][_exited(e, y)["dividend"] > 0].mean()),
    "dangerous_houses": lambda e, y: float(_dangerous(e, y)["weight"].sum()),
    "dangerous_exited": lambda e, y: float(_dangerous(e, y).query("exited")["weight"].sum()),
    "tap_water": lambda e, y: _water(e, y, "tap_water"),
    "safe_water": lambda e, y: _water(e, y, "water_safe"),
    "migrants": lambda e, y: float(_work(e, y).query("kind == 'migrant'")["weight"].sum()),
    "migrant_share": lambda e, y: _work_share(e, y, "migrant"),
    "workshop_share": lambda e, y: _work_share(e, y, "workshop"),
    "post_share": lambda e, y: _work_share(e, y, *POSTS),
    "temporary_posts": lambda e, y: _work_share(e, y, "temporary_post") / _work_share(e, y, *POSTS),
    "microcredit": lambda e, _: float(_microcredit(e)["balance"].mean()),
    "microcredit_households": lambda e, _: float(_microcredit(e)["weight"].sum()),
    "project_award": lambda e, _: float(_projects(e)["amount"].mean()),
    "project_households": lambda e, _: float(_projects(e)["weight"].sum()),
    "new_edge": lambda e, y: _identified_in_county(e, y, "edge_prone"),
    "new_unstable": lambda e, y: _identified_in_county(e, y, "unstable_exited"),
    "new_edge_size": lambda e, _: _identified_size(e, "edge_prone"),
    "new_unstable_size": lambda e, _: _identified_size(e, "unstable_exited"),
    "relocated_households": lambda e, y: float(_relocated(e, y)["weight"].sum()),
    "relocated_employment": lambda e, y: _rate(_relocated(e, y), "employed", "labour_force"),
    "relocated_with_work": lambda e, y: float((_relocated(e, y)["employed"] > 0).mean()),
    "relocated_workers": lambda e, y: _workers(_relocated(e, y)),
    "relocated_size": lambda e, y: float(_relocated(e, y)["persons"].mean()),
    "relocated_share": lambda e, y: len(_relocated(e, y)) / len(_left(e, y)),
    "relocated_persons": lambda e, y: _people(_relocated(e, y)) / _people(_left(e, y)),
    "edge_employment": lambda e, y: _rate(_edge(e, y), "employed", "labour_force"),
    "edge_workers": lambda e, y: _workers(_edge(e, y)),
    "edge_gap": lambda e, y: _rate(_exited(e, y), "employed", "labour_force") - _rate(_edge(e, y), "employed", "labour_force"),
    "medical_residual": lambda e, y: _rate(_exited(e, y), "medical_oop", "medical_cost"),
    "medical_cost": lambda e, y: _rate(_exited(e, y), "medical_cost", "persons"),
    "insured": _insured,
    "unsafe_water": lambda e, _: _first_living(e, "water_safe"),
    "dangerous_house": lambda e, _: _first_living(e, "dangerous_house"),
    "trip_earnings": lambda e, y: _rate(e.year(y), "trip_earnings", "trips"),
    "falls": lambda e, _: e.falls()[0],
    "band": lambda e, _: e.falls()[1],
    "falls_from_band": lambda e, _: e.falls()[2],
    "identified": _identified,
    "median_income": lambda e, y: float(e.year(y)["pc_net"].median()),
}
