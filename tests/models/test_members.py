"""Members: exact, alike for one row and for many, and the same after they were written and read."""

import json
import re

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.lookup import Lookup
from models.members import Basis, Boosted, Linear, Member
from tests.models.examples import boosters, linear, matrix, names, outcome

COLUMNS = names()
X = matrix(3000, len(COLUMNS))
Y = outcome(X)
LINEAR = linear(X, 0.5)
SMALL_TREES = Boosted.of(0.2, *boosters(X, Y, COLUMNS, 3))


def large_trees() -> lightgbm.Booster:
    parameters = {"objective": "binary", "num_leaves": 31, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    return lightgbm.train(parameters, lightgbm.Dataset(X, Y, feature_name=list(COLUMNS)), num_boost_round=10)


MEMBERS: dict[str, Member] = {"linear": LINEAR, "tables": SMALL_TREES, "trees": Boosted.of(0.2, large_trees())}


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_row_alone_has_the_margin_it_has_among_many_to_the_last_bit(kind: str) -> None:
    member = MEMBERS[kind]
    together = member.margin(X, threads=2)
    assert together.tobytes() == np.concatenate([member.margin(X[i : i + 1]) for i in range(len(X))]).tobytes()
    assert together[100:107].tobytes() == member.margin(X[100:107]).tobytes()


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_row_alone_has_the_reasons_it_has_among_many_to_the_last_bit(kind: str) -> None:
    member = MEMBERS[kind]
    together = member.contributions(X[:400], threads=2)
    assert together.tobytes() == np.concatenate([member.contributions(X[i : i + 1]) for i in range(400)]).tobytes()


@pytest.mark.parametrize("kind", MEMBERS)
def test_contributions_and_base_add_up_to_the_margin(kind: str) -> None:
    member = MEMBERS[kind]
    summed = member.contributions(X).sum(axis=1) + member.base
    np.testing.assert_allclose(summed, member.margin(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", MEMBERS)
def test_no_rows_give_no_margins(kind: str) -> None:
    assert MEMBERS[kind].margin(X[:0]).shape == (0,)
    assert MEMBERS[kind].contributions(X[:0]).shape == (0, len(COLUMNS))


def test_serving_applies_the_columns_on_which_coefficients_were_fitted() -> None:
    by_design = LINEAR.basis.design(X) @ LINEAR.coefficients + LINEAR.intercept
    np.testing.assert_allclose(LINEAR.margin(X), by_design, rtol=0, atol=1e-12)


def test_linear_reasons_are_relative_to_the_mean_household() -> None:
    np.testing.assert_allclose(LINEAR.contributions(X).mean(axis=0), 0, atol=1e-12)
    assert LINEAR.base == pytest.approx(LINEAR.margin(X).mean())


def test_linear_survives_json_to_the_last_bit() -> None:
    again = Linear.from_json(0.5, json.loads(json.dumps(LINEAR.to_json(), allow_nan=False)))
    assert again.margin(X).tobytes() == LINEAR.margin(X).tobytes()


def test_linear_does_not_run_away_beyond_what_it_has_seen() -> None:
    far = np.full((1, len(COLUMNS)), 1e300)
    farther = np.full((1, len(COLUMNS)), np.inf)
    assert np.isfinite(LINEAR.margin(far)).all()
    assert LINEAR.margin(far) == LINEAR.margin(farther)


def test_a_basis_over_constant_and_empty_columns_is_still_usable() -> None:
    odd = np.column_stack([np.full(50, 3.0), np.full(50, np.nan), np.arange(50.0)])
    basis = Basis.of(odd)
    assert np.isfinite(basis.design(odd)).all()
    assert basis.design(odd).shape == (50, basis.width)


@pytest.mark.parametrize("kind", ["tables", "trees"])
def test_boosted_equals_lightgbm_before_and_after_its_text(kind: str) -> None:
    member = MEMBERS[kind]
    assert isinstance(member, Boosted)
    again = Boosted.from_text(member.weight, member.text, COLUMNS)
    expected = np.asarray(member.booster.predict(X, raw_score=True, num_threads=1))
    assert member.margin(X).tobytes() == expected.tobytes()
    assert again.margin(X).tobytes() == expected.tobytes()
    assert again.text == member.text


def test_early_stopped_booster_keeps_its_best_iteration_only() -> None:
    booster = boosters(X, Y, COLUMNS, 1, trees=20)[0]
    booster.best_iteration = 7
    member = Boosted.of(1.0, booster)
    again = Boosted.from_text(1.0, member.text, COLUMNS)
    assert again.booster.num_trees() == 7
    assert again.margin(X).tobytes() == np.asarray(booster.predict(X, raw_score=True, num_iteration=7)).tobytes()


def test_merged_seeds_sum_to_the_seeds() -> None:
    seeds = boosters(X, Y, COLUMNS, 3)
    each = [booster.predict(X, raw_score=True) for booster in seeds]
    np.testing.assert_allclose(SMALL_TREES.margin(X), np.sum(each, axis=0), rtol=0, atol=1e-12)
    assert SMALL_TREES.booster.num_trees() == sum(booster.num_trees() for booster in seeds)


def test_boosters_on_other_columns_do_not_merge() -> None:
    own, other = boosters(X, Y, COLUMNS, 1), boosters(X, Y, tuple(reversed(COLUMNS)), 1)
    with pytest.raises(ValueError, match="same features"):
        Boosted.of(1.0, *own, *other)


def test_trees_without_the_expected_features_are_refused() -> None:
    with pytest.raises(ValueError, match="manifest's features"):
        Boosted.from_text(1.0, SMALL_TREES.text, tuple(reversed(COLUMNS)))


@pytest.mark.parametrize("child", [0, 99])
def test_trees_that_never_end_are_refused(child: int) -> None:
    text = re.sub(r"^left_child=\S+", f"left_child={child}", SMALL_TREES.text, count=1, flags=re.MULTILINE)
    with pytest.raises(ValueError, match="leads back"):
        Boosted.from_text(1.0, text, COLUMNS)


def test_training_parameters_do_not_travel_with_the_trees() -> None:
    assert "parameters" not in SMALL_TREES.text


def test_large_or_categorical_trees_are_left_to_lightgbm() -> None:
    assert Lookup.of(Boosted.of(1.0, large_trees()).text) is None
    coded = np.nan_to_num(np.abs(X)).round()
    data = lightgbm.Dataset(coded, Y, feature_name=list(COLUMNS), categorical_feature=[1])
    booster = lightgbm.train({"objective": "binary", "num_leaves": 4, "verbosity": -1, "num_threads": 1}, data, 3)
    assert Lookup.of(Boosted.of(1.0, booster).text) is None


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(2, 9),
    st.sampled_from([None, "nan"]),
    st.booleans(),
)
def test_tables_equal_lightgbm_for_any_small_model(seed: int, leaves: int, missing: str | None, monotone: bool) -> None:
    values = matrix(600, 5, seed)
    if missing is None:  # nothing missing in training: LightGBM then takes a missing value for nought
        values = np.nan_to_num(values)
    label = outcome(np.column_stack([values, values]), seed)
    label[:2] = 0, 1
    parameters = {
        "objective": "binary",
        "num_leaves": leaves,
        "min_data_in_leaf": 3,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "seed": seed,
        "verbosity": -1,
        "num_threads": 1,
        "monotone_constraints": [1, 0, -1, 0, 0] if monotone else None,
    }
    data = lightgbm.Dataset(values, label, feature_name=list("abcde"))
    member = Boosted.of(1.0, lightgbm.train(parameters, data, num_boost_round=8))
    tables = Lookup.of(member.text)
    assert tables is not None
    asked = np.vstack([matrix(200, 5, seed + 1), np.full((1, 5), np.inf), np.full((1, 5), -np.inf), np.zeros((1, 5))])
    reference = lightgbm.Booster(model_str=member.text)
    expected = np.asarray(reference.predict(asked, raw_score=True, num_threads=1))
    assert tables.margin(asked).tobytes() == expected.tobytes()
    shares = np.asarray(reference.predict(asked, pred_contrib=True, num_threads=1))
    np.testing.assert_allclose(tables.contributions(asked), shares[:, :-1], rtol=0, atol=1e-9)
    assert tables.base == pytest.approx(shares[0, -1], abs=1e-9)
