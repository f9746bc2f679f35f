"""Drift: nought for the same households, large for others."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.drift import Reference, Spread
from tests.models.examples import matrix


@given(arrays(np.float64, st.integers(1, 200), elements=st.one_of(st.floats(-1e6, 1e6), st.just(np.nan), st.just(0.0))))
def test_the_same_values_have_not_drifted(values: np.ndarray) -> None:
    spread = Spread.of(values)
    assert 0 <= spread.psi(values) < 1e-12
    assert spread.psi(values[:1]) >= 0


def test_a_shift_and_new_gaps_show() -> None:
    then = np.random.default_rng(0).normal(size=5000)
    spread = Spread.of(then)
    assert spread.psi(np.random.default_rng(1).normal(size=5000)) < 0.02
    assert spread.psi(then + 1) > 0.5
    assert spread.psi(np.where(np.arange(5000) % 2 == 0, np.nan, then)) > 0.25


def test_counts_with_few_values_keep_their_own_bins() -> None:
    spread = Spread.of(np.repeat([0.0, 1.0, 2.0], [900, 90, 10]))
    assert spread.psi(np.repeat([0.0, 1.0, 2.0], [900, 90, 10])) < 1e-12
    assert spread.psi(np.repeat([0.0, 1.0, 2.0], [500, 400, 100])) > 0.25


def test_what_never_was_known_drifts_when_it_becomes_known() -> None:
    spread = Spread.of(np.full(100, np.nan))
    assert spread.psi(np.full(100, np.nan)) < 1e-12
    assert spread.psi(np.ones(100)) > 0.25


def test_nothing_to_compare_gives_no_number() -> None:
    assert np.isnan(Spread.of(np.arange(9.0)).psi(np.empty(0)))


def test_no_single_household_shows_in_the_reference() -> None:
    values = np.r_[np.zeros(999), 123456.0]
    assert "123456" not in json.dumps(Spread.of(values).to_json())


def test_reference_survives_json_and_names_each_feature() -> None:
    X = matrix(500, 6)
    reference = Reference.of(X, list("abcdef"), X[:, 0])
    again = Reference.from_json(json.loads(json.dumps(reference.to_json(), allow_nan=False)))
    assert again == reference
    assert list(again.psi(X, list("abcdef"), X[:, 0])) == [*"abcdef", "margin"]
