"""Small real models: trained in a blink, written and read like large ones."""

from __future__ import annotations

import datetime as dt

import lightgbm
import numpy as np

from features.build import Facts, FeatureFrame, catalogue
from features.catalog import Leak
from features.register import FloatArray, Indicator, RegisterInfo
from models.bundle import Bundle, compose
from models.calibration import Calibration, Interval, Sigmoid
from models.members import Basis, Boosted, Linear

INDICATORS = (
    Indicator("distance", "通达时间", "hours", 1, "other"),
    Indicator("roof", "屋顶破损", "share", 1, "housing"),
)
AS_OF = dt.date(2020, 12, 31)


def names(count: int = 10) -> tuple[str, ...]:
    """The first safe features of the catalogue, and the two indicators."""
    safe = [f.name for f in catalogue(RegisterInfo()) if f.leak is Leak.SAFE]
    return (*safe[:count], "indicator.distance", "indicator.roof")


def matrix(rows: int, columns: int, seed: int = 0) -> FloatArray:
    """Values with gaps, skew, ties and a column that is mostly missing."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, columns))
    X[:, 1] = np.round(np.abs(X[:, 1]) * 3)
    X[:, 2] = np.exp(X[:, 2] * 2) * 1000
    X[random.random(X.shape) < 0.08] = np.nan
    X[random.random(rows) < 0.7, 3] = np.nan
    return X


def outcome(X: FloatArray, seed: int = 0) -> FloatArray:
    """Rare falls that depend on a few columns."""
    z = np.nan_to_num(X)
    logit = -2.5 + z[:, 0] - 0.4 * z[:, 1] + 0.8 * (z[:, 4] > 1) - 0.5 * np.isnan(X[:, 5])
    return (np.random.default_rng(seed).random(len(X)) < 1 / (1 + np.exp(-logit))).astype(np.float64)


def boosters(X: FloatArray, y: FloatArray, columns: tuple[str, ...], seeds: int, trees: int = 12) -> list[lightgbm.Booster]:
    """A few small boosters on the same columns."""
    out = []
    for seed in range(seeds):
        parameters = {
            "objective": "binary",
            "num_leaves": 6,
            "verbosity": -1,
            "seed": seed,
            "num_threads": 1,
            "feature_fraction": 0.6,
        }
        data = lightgbm.Dataset(X, y, feature_name=list(columns))
        out.append(lightgbm.train(parameters, data, num_boost_round=trees))
    return out


def linear(X: FloatArray, weight: float, seed: int = 0) -> Linear:
    """A linear member with made-up coefficients on a real basis."""
    basis = Basis.of(X)
    coefficients = np.random.default_rng(seed).normal(size=basis.width) * 0.1
    return Linear.fitted(weight, basis, coefficients, -2.0, X)


def make_bundle(name: str = "falls_below", rows: int = 1500) -> Bundle:
    """Three merged seeds and a linear member, calibrated and complete."""
    columns = names()
    X = matrix(rows, len(columns))
    y = outcome(X)
    members = (Boosted.of(0.6 / 3, *boosters(X, y, columns, 3)), linear(X, 0.4))
    knots = np.linspace(-6, 4, 9)
    middle = 1 / (1 + np.exp(-knots))
    calibration = Calibration(Sigmoid(1.1, 0.2), Interval(knots, middle * 0.8, np.minimum(1, middle * 1.3)))
    return compose(name, columns, members, calibration, X, indicators=INDICATORS, card={"policy_version": "p1"})


def make_frame(rows: int, seed: int = 1, columns: tuple[str, ...] | None = None) -> FeatureFrame:
    """Households with every kind of gap in their facts; columns in another order than the bundle's, one too many."""
    random = np.random.default_rng(seed)
    columns = columns or ("surplus", *reversed(names()))
    values = matrix(rows, len(columns), seed)
    income = random.uniform(1000, 12000, rows)
    income[random.random(rows) < 0.1] = np.nan
    poverty = np.full(rows, 4000.0)
    monitoring = np.full(rows, 6000.0)
    monitoring[random.random(rows) < 0.1] = np.nan
    poverty[random.random(rows) < 0.05] = np.nan
    facts = Facts(
        pc_net_income=income,
        poverty_line=poverty,
        monitoring_line=monitoring,
        exited=random.choice([0.0, 1.0, np.nan], rows, p=[0.5, 0.4, 0.1]),
        village=np.zeros(rows, dtype=np.int32),
        data_month=random.choice([-1, 608, 611], rows).astype(np.int32),
        monitored=random.choice([0.0, 1.0], rows, p=[0.8, 0.2]),
        shock=random.choice([0.0, 1.0, np.nan], rows),
    )
    ids = np.array([f"9900{i:06d}" for i in range(rows)])
    return FeatureFrame(ids, np.arange(rows, dtype=np.int32), columns, values, facts, AS_OF)
