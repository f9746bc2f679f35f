"""Scores: states, flags and candidates as the field defines them, order and parity to the last bit."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import Facts, FeatureFrame
from features.catalog import CAUSES
from models.bundle import Bundle
from models.scorer import STATES, Scores, field_zh, not_evaluable, score
from tests.models.examples import AS_OF, make_bundle, make_frame, matrix

NAN = np.nan
FIELDS = [field.name for field in dataclasses.fields(Scores) if field.name not in ("as_of", "version")]


def rows_of(frame: FeatureFrame, rows: np.ndarray) -> FeatureFrame:
    facts = Facts(*(getattr(frame.facts, name)[rows] for name in Facts._fields))
    return FeatureFrame(frame.household_id[rows], frame.position[rows], frame.names, frame.values[rows], facts, frame.as_of)


def one(bundle: Bundle, high: bool | None = None, **facts: float) -> Scores:
    """One household scored: ordinary, not monitored, income above both lines, no shock, unless said otherwise."""
    told: dict[str, float] = {
        "pc_net_income": 9000.0,
        "poverty_line": 4000.0,
        "monitoring_line": 6000.0,
        "exited": 0.0,
        "village": 0,
        "data_month": 611,
        "monitored": 0.0,
        "shock": 0.0,
    } | facts
    columns = {name: np.array([value]) for name, value in told.items()}
    values = matrix(1, len(bundle.features), 5)
    if high is not None:  # put the cut-offs under or over this household instead of looking for one
        margin = bundle.margin(values)[0]
        cut = -1e3 if high else margin + 1
        p = 0.0 if high else 1.0
        thresholds = dataclasses.replace(
            bundle.thresholds, red=1.0, orange=1.0, yellow=p, red_margin=1e9, orange_margin=1e9, yellow_margin=cut
        )
        bundle = dataclasses.replace(bundle, thresholds=thresholds)
    frame = FeatureFrame(np.array(["a"]), np.zeros(1, dtype=np.int32), bundle.features, values, Facts(**columns), AS_OF)
    return score(bundle, frame)


def same(left: Scores, right: Scores, rows: np.ndarray) -> None:
    for name in FIELDS:
        a, b = getattr(left, name)[rows], getattr(right, name)
        if a.dtype == object:
            assert a.tolist() == b.tolist(), name
        else:
            assert a.tobytes() == b.tobytes(), name


def test_each_household_scores_alone_as_it_scores_among_others(bundle: Bundle, frame: FeatureFrame) -> None:
    together = score(bundle, frame, threads=2)
    for i in range(0, len(frame), 7):
        same(together, score(bundle, rows_of(frame, np.array([i]))), np.array([i]))
    some = np.arange(13, 200, 3)
    same(together, score(bundle, rows_of(frame, some)), some)


def test_columns_may_stand_in_any_order(bundle: Bundle) -> None:
    frame = make_frame(50)
    order = np.random.default_rng(0).permutation(len(frame.names))
    shuffled = FeatureFrame(
        frame.household_id,
        frame.position,
        tuple(frame.names[i] for i in order),
        frame.values[:, order],
        frame.facts,
        frame.as_of,
    )
    assert score(bundle, frame).margin.tobytes() == score(bundle, shuffled).margin.tobytes()


def test_no_households_give_no_scores(bundle: Bundle, frame: FeatureFrame) -> None:
    nobody = score(bundle, rows_of(frame, np.arange(0)))
    assert len(nobody) == 0
    assert nobody.order.tolist() == []


def test_scored_households_have_a_probability_in_its_band_and_others_none(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    scored = scores.state == "scored"
    assert set(scores.state) == set(STATES)
    assert (scores.low[scored] <= scores.probability[scored]).all()
    assert (scores.probability[scored] <= scores.high[scored]).all()
    for values in (scores.probability, scores.low, scores.high):
        assert np.isnan(values[~scored]).all()


def test_a_household_under_the_line_is_red_and_comes_first(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    below = frame.facts.pc_net_income < frame.facts.poverty_line
    assert (scores.state[below] == "below_line").all()
    assert (scores.tier[below] == "red").all()
    assert set(scores.order[: below.sum()]) == set(np.flatnonzero(below))


def test_a_household_on_the_line_is_not_under_it(bundle: Bundle) -> None:
    assert one(bundle, pc_net_income=4000.0).state[0] == "scored"
    assert one(bundle, pc_net_income=3999.99).state[0] == "below_line"


def test_the_list_goes_by_margin_then_id_and_ends_with_those_not_scored(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    listed = [(scores.state[i], scores.margin[i], scores.household_id[i]) for i in scores.order]
    scored = [entry for entry in listed if entry[0] == "scored"]
    assert scored == sorted(scored, key=lambda entry: (-entry[1], entry[2]))
    places = [["below_line", "scored", "insufficient_data"].index(entry[0]) for entry in listed]
    assert places == sorted(places)
    twins = rows_of(frame, np.repeat(np.flatnonzero(scores.state == "scored")[0], 3))
    twins = dataclasses.replace(twins, household_id=np.array(["c", "a", "b"]))
    assert score(bundle, twins).order.tolist() == [1, 2, 0]


def test_unknown_income_is_not_enough_data_and_is_named(bundle: Bundle) -> None:
    scores = one(bundle, pc_net_income=NAN)
    assert scores.state[0] == "insufficient_data"
    assert scores.tier[0] == "none"
    assert scores.missing_field[0] == "pc_net_income"
    assert field_zh(bundle, "pc_net_income") == "人均纯收入"


def test_without_a_line_nobody_can_be_said_to_fall_under_it(bundle: Bundle) -> None:
    scores = one(bundle, poverty_line=NAN)
    assert scores.state[0] == "insufficient_data"
    assert scores.missing_field[0] == "poverty_line"


def test_identification_is_predicted_for_households_under_the_line_too() -> None:
    bundle = make_bundle("identified", rows=400)
    scores = one(bundle, pc_net_income=1000.0)
    assert scores.state[0] == "scored"
    assert 0 < scores.probability[0] < 1
    assert scores.edge_candidate[0] is True
    assert one(bundle, poverty_line=NAN).state[0] == "scored"


@pytest.mark.parametrize(
    ("income", "flag"),
    [(3999.0, False), (4000.0, True), (5999.99, True), (6000.0, False), (NAN, None)],
)
def test_edge_band_holds_from_the_poverty_line_to_under_the_monitoring_line(bundle: Bundle, income: float, flag: bool | None) -> None:
    assert one(bundle, pc_net_income=income).edge_band_flag[0] is flag
    assert one(bundle, pc_net_income=income, exited=1.0).edge_band_flag[0] is False


@pytest.mark.parametrize("missing", ["poverty_line", "monitoring_line", "exited", "pc_net_income"])
def test_edge_band_is_null_where_an_input_is_missing_and_says_which(bundle: Bundle, missing: str) -> None:
    assert one(bundle, None, **{missing: NAN}).edge_band_flag[0] is None


@pytest.mark.parametrize(
    ("facts", "high", "edge_unstable_sudden"),
    [
        # the 2 x 2 x 2 of high or low score, exited or ordinary, shock or none; income above the band
        ({"exited": 0.0, "shock": 0.0}, True, (True, False, False)),
        ({"exited": 0.0, "shock": 1.0}, True, (True, False, True)),
        ({"exited": 1.0, "shock": 0.0}, True, (False, True, False)),
        ({"exited": 1.0, "shock": 1.0}, True, (False, True, True)),
        ({"exited": 0.0, "shock": 0.0}, False, (False, False, False)),
        ({"exited": 0.0, "shock": 1.0}, False, (False, False, False)),
        ({"exited": 1.0, "shock": 0.0}, False, (False, False, False)),
        ({"exited": 1.0, "shock": 1.0}, False, (False, False, False)),
        # inside the band a shock makes no sudden candidate
        ({"shock": 1.0, "pc_net_income": 5000.0}, True, (True, False, False)),
        # already under the line: a candidate whatever the model says
        ({"pc_net_income": 3000.0}, False, (True, False, False)),
        ({"pc_net_income": 3000.0, "exited": 1.0}, False, (False, True, False)),
        # already monitored: never a candidate
        ({"monitored": 1.0, "shock": 1.0}, True, (False, False, False)),
        ({"monitored": 1.0, "pc_net_income": 3000.0}, True, (False, False, False)),
        # what is not known stays open, where it matters
        ({"exited": NAN, "shock": 1.0}, True, (None, None, True)),
        ({"exited": NAN, "shock": 1.0}, False, (False, False, False)),
        ({"shock": NAN}, True, (True, False, None)),
        ({"monitoring_line": NAN, "shock": 1.0}, True, (True, False, None)),
        ({"monitored": NAN}, True, (None, False, False)),
        ({"pc_net_income": NAN}, True, (None, False, False)),
        ({"pc_net_income": NAN, "shock": 1.0}, True, (None, False, None)),
    ],
)
def test_candidates(bundle: Bundle, facts: dict[str, float], high: bool, edge_unstable_sudden: tuple[bool | None, ...]) -> None:
    scores = one(bundle, high, **facts)
    got = (scores.edge_candidate[0], scores.unstable_candidate[0], scores.sudden_candidate[0])
    assert got == edge_unstable_sudden


def test_a_rule_that_calls_makes_a_candidate_of_a_low_score(bundle: Bundle, frame: FeatureFrame) -> None:
    quiet = score(bundle, frame)
    called = score(bundle, frame, triggers=np.ones(len(frame)))
    ordinary = (frame.facts.exited == 0) & (frame.facts.monitored == 0)
    assert all(flag is True for flag in called.edge_candidate[ordinary])
    assert not all(flag is True for flag in quiet.edge_candidate[ordinary])
    assert called.margin.tobytes() == quiet.margin.tobytes()
    unknown = score(bundle, frame, triggers=np.full(len(frame), np.nan))
    for flag, without in zip(unknown.edge_candidate[ordinary], quiet.edge_candidate[ordinary], strict=True):
        assert flag is (True if without is True else None)


facts_of_one = st.fixed_dictionaries(
    {
        "pc_net_income": st.sampled_from([NAN, -500.0, 0.0, 3999.0, 4000.0, 5999.0, 6000.0, 20000.0]),
        "poverty_line": st.sampled_from([NAN, 4000.0]),
        "monitoring_line": st.sampled_from([NAN, 6000.0]),
        "exited": st.sampled_from([NAN, 0.0, 1.0]),
        "monitored": st.sampled_from([NAN, 0.0, 1.0]),
        "shock": st.sampled_from([NAN, 0.0, 1.0]),
    }
)


@settings(max_examples=200, deadline=None)
@given(facts=facts_of_one, high=st.booleans())
def test_an_exited_household_never_is_an_edge_household_nor_an_ordinary_one_unstable(
    bundle: Bundle, facts: dict[str, float], high: bool
) -> None:
    scores = one(bundle, high, **facts)
    flags = (scores.edge_band_flag[0], scores.edge_candidate[0], scores.unstable_candidate[0], scores.sudden_candidate[0])
    assert all(flag in (True, False, None) for flag in flags)
    if facts["exited"] == 1:
        assert flags[0] is False
        assert flags[1] is False
    if facts["exited"] == 0:
        assert flags[2] is False
    if facts["monitored"] == 1:
        assert flags[1:] == (False, False, False)


def test_the_missing_field_is_the_most_telling_of_those_usually_known(bundle: Bundle) -> None:
    frame = make_frame(300, 4, bundle.features)
    scores = score(bundle, frame)
    usually = bundle.reference.missing(bundle.features) <= 0.5
    for i in np.flatnonzero(scores.state == "scored"):
        lacking = [
            name for j, name in enumerate(bundle.features) if np.isnan(frame.values[i, j]) and usually[j] and bundle.importance[name] > 0
        ]
        assert scores.missing_field[i] == max(lacking, key=bundle.importance.__getitem__, default="")
    assert all(field_zh(bundle, str(name)) for name in set(scores.missing_field) - {""})
    assert field_zh(bundle, "") == ""


def test_what_could_not_be_evaluated_is_told_with_its_reason(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    for i in range(len(frame)):
        told = {entry["field"] for entry in not_evaluable(frame, i)}
        if scores.edge_band_flag[i] is None:
            assert told & {"pc_net_income", "poverty_line", "monitoring_line", "exited"}
        flags = (scores.edge_candidate[i], scores.unstable_candidate[i], scores.sudden_candidate[i])
        if any(flag is None for flag in flags):
            assert told
        assert all(entry["reason"] and entry["zh"] for entry in not_evaluable(frame, i))


def test_data_age_counts_from_the_end_of_the_last_month_with_incomes(bundle: Bundle) -> None:
    assert one(bundle, data_month=611).data_age_days[0] == 0  # December 2020, asked on its last day
    assert one(bundle, data_month=610).data_age_days[0] == 31
    assert np.isnan(one(bundle, data_month=-1).data_age_days[0])


def test_nothing_that_is_scored_changes_the_frame(bundle: Bundle) -> None:
    frame = make_frame(50)
    before = (frame.values.copy(), [getattr(frame.facts, name).copy() for name in Facts._fields])
    score(bundle, frame)
    np.testing.assert_array_equal(frame.values, before[0])
    for name, values in zip(Facts._fields, before[1], strict=True):
        np.testing.assert_array_equal(getattr(frame.facts, name), values)


def test_every_cause_word_has_a_chinese_one() -> None:
    assert all(CAUSES.values())
