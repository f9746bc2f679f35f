"""Tiers: the top shares of the calibration households, ties broken by margin, never a quota."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import Isotonic, Sigmoid
from models.tiers import TIERS, Thresholds

STEPS = Isotonic(np.array([-1.0, -0.5, 0.5, 1.0]), np.array([0.01, 0.05, 0.05, 0.2]))


@given(st.integers(0, 2**32 - 1), st.integers(100, 3000), st.sampled_from([STEPS, Sigmoid(1, 0)]))
def test_of_the_calibration_households_the_top_shares_reach_each_tier(seed: int, households: int, curve: Isotonic | Sigmoid) -> None:
    margin = np.random.default_rng(seed).normal(size=households)
    probability = curve.probability(margin)
    level = Thresholds.of(margin, probability).level(margin, probability)
    order = np.argsort(-margin)
    assert (np.diff(level[order]) <= 0).all()
    for tier, share in (("red", 0.01), ("orange", 0.05), ("yellow", 0.10)):
        reached = int((level >= TIERS.index(tier)).sum())
        assert reached == pytest.approx(round(share * len(margin)), abs=1)


def test_households_of_one_probability_are_told_apart_by_margin() -> None:
    thresholds = Thresholds(0.2, 0.1, 0.05, 2.0, 1.0, 0.0)
    level = thresholds.level(np.array([-0.1, 0.0, 0.5]), np.array([0.05, 0.05, 0.05]))
    assert [TIERS[i] for i in level] == ["none", "yellow", "yellow"]


def test_a_bad_year_may_make_everybody_red() -> None:
    thresholds = Thresholds(0.2, 0.1, 0.05, 2.0, 1.0, 0.0)
    assert (thresholds.level(np.full(9, 3.0), np.full(9, 0.9)) == TIERS.index("red")).all()


def test_no_probability_reaches_no_tier() -> None:
    assert Thresholds(0.2, 0.1, 0.05, 2.0, 1.0, 0.0).level(np.array([5.0]), np.array([np.nan])).tolist() == [0]


def test_cut_offs_that_do_not_fall_are_refused() -> None:
    with pytest.raises(ValueError, match="fall from red"):
        Thresholds(0.1, 0.2, 0.05, 2.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="margin"):
        Thresholds(0.3, 0.2, 0.05, 2.0, 3.0, 0.0)


def test_json_gives_the_same_cut_offs_back() -> None:
    thresholds = Thresholds(0.2, 0.1, 0.05, 2.0, 1.0, 1 / 3)
    assert Thresholds.from_json(thresholds.to_json()) == thresholds


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3]), min_size=3, max_size=3),
    st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=3, max_size=3),
    st.sampled_from([0.0, 0.1, 0.15, 0.2, 0.3, 1.0]),
    st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0]),
)
def test_a_tier_is_reached_over_its_probability_or_at_it_with_its_margin(
    cuts: list[float], margin_cuts: list[float], probability: float, margin: float
) -> None:
    thresholds = Thresholds(*sorted(cuts, reverse=True), *sorted(margin_cuts, reverse=True))
    expected = sum(
        probability > cut or (probability == cut and margin >= margin_cut)
        for cut, margin_cut in zip(sorted(cuts), sorted(margin_cuts), strict=True)
    )
    assert thresholds.level(np.array([margin]), np.array([probability])).tolist() == [expected]
