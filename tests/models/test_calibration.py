"""Calibration: probabilities rise with the margin, and the band holds them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.calibration import Calibration, Interval, Isotonic, Sigmoid

margins = arrays(np.float64, st.integers(1, 60), elements=st.floats(-60, 60))
shares = st.floats(0, 1)


@st.composite
def rising(draw: st.DrawFn, count: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Knots and as many rising curves as asked, each not under the one before."""
    x = np.unique(draw(st.lists(st.floats(-20, 20), min_size=1, max_size=12)))
    curves = [np.sort(draw(arrays(np.float64, len(x), elements=shares))) for _ in range(count)]
    return x, list(np.maximum.accumulate(curves, axis=0))


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    x, (low, high) = draw(rising(2))
    if draw(st.booleans()):
        knots, (y,) = draw(rising(1))
        return Calibration(Isotonic(knots, y), Interval(x, low, high))
    return Calibration(Sigmoid(draw(st.floats(0, 5)), draw(st.floats(-5, 5))), Interval(x, low, high))


@given(calibrations(), margins)
def test_probability_never_falls_as_the_margin_rises(calibration: Calibration, margin: np.ndarray) -> None:
    probability = calibration.probability(np.sort(margin))
    slack = 1e-15 if isinstance(calibration.curve, Sigmoid) else 0.0
    assert (np.diff(probability) >= -slack).all()
    assert ((probability >= 0) & (probability <= 1)).all()


@given(calibrations(), margins)
def test_the_interval_holds_the_probability(calibration: Calibration, margin: np.ndarray) -> None:
    probability = calibration.probability(margin)
    low, high = calibration.bounds(margin, probability)
    assert ((low <= probability) & (probability <= high)).all()
    assert ((low >= 0) & (high <= 1)).all()


@given(calibrations(), margins)
def test_one_household_gets_the_probability_it_gets_among_many(calibration: Calibration, margin: np.ndarray) -> None:
    together = calibration.probability(margin)
    alone = np.concatenate([calibration.probability(margin[i : i + 1]) for i in range(len(margin))])
    assert together.tobytes() == alone.tobytes()


@given(calibrations(), margins)
def test_json_gives_the_same_curve_back(calibration: Calibration, margin: np.ndarray) -> None:
    again = Calibration.from_json(json.loads(json.dumps(calibration.to_json(), allow_nan=False)))
    assert again.probability(margin).tobytes() == calibration.probability(margin).tobytes()


def test_no_margin_gives_no_probability_and_no_band() -> None:
    nothing = np.array([np.nan])
    for curve in (Sigmoid(1.0, 0.0), Isotonic(np.array([0.0]), np.array([0.3])), Isotonic(np.arange(2.0), np.arange(2.0))):
        calibration = Calibration(curve, Interval(np.arange(2.0), np.zeros(2), np.ones(2)))
        probability = calibration.probability(nothing)
        assert np.isnan(probability).all()
        assert all(np.isnan(side).all() for side in calibration.bounds(nothing, probability))


def test_without_a_fitted_band_there_is_none() -> None:
    low, high = Calibration(Sigmoid(1.0, 0.0)).bounds(np.zeros(2), np.full(2, 0.5))
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@pytest.mark.parametrize(
    ("x", "y"),
    [([0, 1], [0.5, 0.4]), ([1, 0], [0.1, 0.2]), ([0, 0], [0.1, 0.2]), ([0, 1], [0.1, 1.2]), ([0, 1], [0.1]), ([], [])],
)
def test_knots_that_do_not_rise_or_leave_the_unit_interval_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match=r"knots|probabilities"):
        Isotonic(np.array(x, dtype=float), np.array(y, dtype=float))


def test_a_falling_sigmoid_is_refused() -> None:
    with pytest.raises(ValueError, match="a >= 0"):
        Sigmoid(-1.0, 0.0)


def test_a_band_whose_floor_lies_above_its_ceiling_is_refused() -> None:
    with pytest.raises(ValueError, match="lower band"):
        Interval(np.arange(2.0), np.array([0.2, 0.3]), np.array([0.1, 0.3]))


def test_knots_may_lie_as_close_as_numbers_can() -> None:
    tiny = np.nextafter(0.0, 1.0)
    band = Interval(np.array([0.0, tiny]), np.array([0.1, 0.2]), np.array([0.3, 0.4]))
    low, high = Calibration(Sigmoid(1.0, 0.0), band).bounds(np.array([-5.0, 0.0, tiny, 5.0]), np.full(4, 0.25))
    assert (low.tolist(), high.tolist()) == ([0.1, 0.1, 0.2, 0.2], [0.3, 0.3, 0.4, 0.4])
