"""A made-up county: nested households that can be written as a register folder and sent as JSON alike."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from random import Random
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import yaml

from features.build import build, catalogue, feature_names
from features.catalog import Leak
from features.household import SCORED_TABLES, from_nested
from features.policy.shipped import load
from features.register import RegisterInfo
from features.tables import TABLES, Column, Kind
from models.bundle import Bundle, compose, write
from models.calibration import Calibration, Interval, Sigmoid
from models.members import Boosted
from models.pointer import point

COUNTY = "520523"
VILLAGES = tuple(f"{COUNTY}{town:03d}{village:03d}" for town in (101, 102) for village in (1, 2, 3))
AS_OF = dt.date(2023, 12, 31)
CHILDREN_BORN_AFTER = 2006  # under 14 when the registers begin
NOW = dt.datetime(2024, 3, 1, 1, 0, tzinfo=dt.UTC)
ARROW = {Kind.NUMBER: pa.float64(), Kind.FLAG: pa.bool_(), Kind.DATE: pa.date32()}
Household = dict[str, Any]


def household(number: int, random: Random, village: str | None = None) -> Household:
    """One household with some years of rows, all known by AS_OF."""
    name = f"9900{number:06d}"
    level = random.lognormvariate(0, 0.6)
    persons = random.randint(1, 6)
    well_known = number % 3 > 0  # of the others the rules cannot be told
    incomes = []
    for year in (2021, 2022, 2023):
        for quarter in range(4):
            known = dt.date(year + (quarter == 3), quarter * 3 % 9 + 4 if quarter < 3 else 1, 20)
            if known > AS_OF or random.random() < 0.05:
                continue
            for source, share in (("wage", 0.6), ("business", 0.3), ("transfer_policy", 0.1)):
                amount = round(2600 * level * persons * share * random.uniform(0.7, 1.3), 2)
                incomes.append(
                    {
                        "source": source,
                        "period_start": f"{year}-{quarter * 3 + 1:02d}",
                        "period_end": f"{year}-{quarter * 3 + 3:02d}",
                        "amount": None if random.random() < 0.02 else amount,
                        "known_on": known.isoformat(),
                    }
                )
    members = [
        {
            "member_id": f"{name}{place}",
            "relation_to_head": "head" if place == 0 else random.choice(("spouse", "child", "parent")),
            "sex": random.choice(("male", "female")),
            "birth_year": random.randint(1940, 2015),
            "chronic_disease": random.random() < 0.2,
            "labour_ability": random.choice(("ordinary", "weak", "none", "skilled")),
            "medical_insured": True if random.random() < 0.9 else None,
            "valid_from": "2020-01-01",
            "known_on": "2020-02-01",
        }
        for place in range(persons)
    ]
    for member in members:
        if member["birth_year"] > CHILDREN_BORN_AFTER:
            member |= {"chronic_disease": None, "labour_ability": None}
        if well_known:
            age = AS_OF.year - member["birth_year"]
            member |= {"school_status": "primary" if 6 <= age <= 16 else "none", "pension_receiving": True if age >= 59 else None}
            said = None if member["birth_year"] > CHILDREN_BORN_AFTER else False
            member |= {"serious_illness": said, "dibao": said, "extreme_poverty_support": said}
    events = [
        {
            "event_id": f"e{number}-{place}",
            "event_kind": random.choice(("illness_bill", "job_loss", "disaster")),
            "occurred_on": dt.date(2023, random.randint(1, 10), random.randint(1, 28)).isoformat(),
            "amount": round(random.uniform(100, 40000), 2),
            "oop_compliant": round(random.uniform(50, 9000), 2),
            "known_on": "2023-12-01",
        }
        for place in range(random.choice((0, 0, 1, 2)))
    ]
    for event in events:
        event["oop_compliant"] = min(event["oop_compliant"], event["amount"])
    return {
        "household_id": name,
        "village_code": village or random.choice(VILLAGES),
        "status": random.choice(("exited", "ordinary", "ordinary")),
        "hukou_size": persons,
        "sharing_size": persons if random.random() < 0.9 else None,
        "valid_from": "2020-01-01",
        "known_on": "2020-02-01",
        "members": members,
        "living": [
            {
                "dangerous_house": random.random() < 0.05,
                "food_secure": True if well_known else None,
                "clothing_secure": True if well_known else None,
                "water_safe": True if well_known else None,
                "farmland": round(random.uniform(0, 12), 1),
                "valid_from": "2020-01-01",
                "known_on": "2020-02-01",
            }
        ],
        "employment": [
            {
                "member_id": members[0]["member_id"],
                "start_date": "2022-03-01",
                "work_kind": "migrant",
                "monthly_wage": 3200.0,
                "known_on": "2022-03-10",
            }
        ]
        if random.random() < 0.5
        else [],
        "incomes": incomes,
        "debts": [{"lender": "bank", "balance": 12000.0, "valid_from": "2022-06-01", "known_on": "2022-06-05"}]
        if random.random() < 0.2
        else [],
        "events": events,
    }


def county(households: int = 400, seed: int = 7) -> list[Household]:
    """The households of the made-up county."""
    random = Random(seed)
    return [household(number, random) for number in range(households)]


def _array(column: Column, cells: list[Any]) -> pa.Array:
    if column.kind is Kind.DATE:
        cells = [dt.date.fromisoformat(cell) if isinstance(cell, str) else cell for cell in cells]
    return pa.array(cells, ARROW.get(column.kind, pa.string()))


def write_register(folder: Path, households: list[Household], extra: dict[str, list[dict[str, Any]]] | None = None, **info: Any) -> Path:
    """Writes households as a register folder; `extra` adds rows to its tables."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, Any]]] = {name: list((extra or {}).get(name, ())) for name in TABLES}
    for one in households:
        rows["households"].append(
            {("registry_status" if key == "status" else key): cell for key, cell in one.items() if key not in SCORED_TABLES}
        )
        for name in SCORED_TABLES:
            rows[name] += [{"household_id": one["household_id"], **row} for row in one.get(name, ())]
    for name, schema in TABLES.items():
        if rows[name]:
            columns = {column.name: _array(column, [row.get(column.name) for row in rows[name]]) for column in schema.columns}
            pyarrow.parquet.write_table(pa.table(columns), folder / f"{name}.parquet")
    description = {"county": COUNTY, "synthetic": True, "known_until": AS_OF.isoformat(), **info}
    (folder / "register.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    return folder


def train(households: list[Household], *, seed: int = 1, synthetic: bool = True) -> Bundle:
    """A small real model on the made-up households; what it learns does not matter, that it is real does."""
    info = RegisterInfo(COUNTY, synthetic=True)
    frame = build(from_nested(households, AS_OF, info)[0], AS_OF, load(synthetic=True))
    names = tuple(feature.name for feature in catalogue(info) if feature.leak is Leak.SAFE)
    assert set(names) <= set(feature_names(info))
    X = frame.columns(names)
    y = (np.nan_to_num(frame.facts.pc_net_income, nan=9e3) < 7000 + 1500 * np.random.default_rng(seed).normal(size=len(X))).astype(float)
    parameters = {
        "objective": "binary",
        "num_leaves": 6,
        "min_data_in_leaf": 5,
        "verbosity": -1,
        "num_threads": 1,
        "seed": seed,
        "feature_fraction": 0.3,
    }
    booster = lightgbm.train(parameters, lightgbm.Dataset(X, y, feature_name=list(names)), num_boost_round=15)
    knots = np.linspace(-6, 4, 9)
    middle = 1 / (1 + np.exp(-knots))
    calibration = Calibration(Sigmoid(1.0, -1.0), Interval(knots, middle * 0.2, np.minimum(1, middle * 1.3)))
    card = {"county": COUNTY, "synthetic": synthetic}
    above = frame.facts.pc_net_income >= frame.facts.poverty_line  # the others get no probability, and set no thresholds
    return compose("falls_below", names, (Boosted.of(1.0, booster),), calibration, X[above], card=card)


def promote(bundle: Bundle, folder: Path) -> str:
    """Puts a bundle in use as training does: a folder a version, and the pointer; returns the version."""
    beside = folder / "new"
    version = write(bundle, beside).version
    if not (folder / version).exists():
        beside.rename(folder / version)
    point(folder, version)
    return version


def tamper(folder: Path) -> None:
    """Changes one number of a stored model, as a slip or a hand would."""
    member = folder / "members" / "00.txt"
    member.write_text(member.read_text().replace("leaf_value=", "leaf_value=9", 1))
