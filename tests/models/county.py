"""A small synthetic county and a small model that looks at what shocks move: for the tests of planning."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from features.build import FeatureFrame
from features.read import read_register
from features.register import Register
from models.bundle import Bundle, compose
from models.calibration import Calibration, Interval, Sigmoid
from models.members import Basis, Linear
from training.synth.generate import Order, generate

KEY = b"tests only, never a real key 0123"
AS_OF = dt.date(2021, 12, 31)
LOOKED_AT = {
    "income_to_poverty_line": -2.0,
    "pc_wage_to_line": -0.5,
    "oop_year_to_line": 0.8,
    "disaster_loss_to_line": 0.8,
    "job_losses": 1.0,
}


def small_county(folder: Path, households: int = 400) -> Register:
    """Some hundred households of Jinsha's preset, 2018 to 2021."""
    generate(Order("jinsha", households, 2018, 2021, 7), folder, block=1000, workers=1)
    return read_register(folder, KEY).register


def plain_model(frame: FeatureFrame) -> Bundle:
    """A linear model with a slope for each of a few features, and a missing flag for none."""
    names = tuple(LOOKED_AT)
    X = frame.columns(names)
    basis = Basis.of(X, knots=1)
    coefficients = np.zeros(basis.width)
    coefficients[: len(names)] = list(LOOKED_AT.values())
    knots = np.linspace(-8, 4, 9)
    middle = 1 / (1 + np.exp(-knots))
    calibration = Calibration(Sigmoid(1.0, 0.0), Interval(knots, middle * 0.8, np.minimum(1, middle * 1.2)))
    return compose("falls_below", names, (Linear.fitted(1.0, basis, coefficients, -2.0, X),), calibration, X, card={"synthetic": True})
