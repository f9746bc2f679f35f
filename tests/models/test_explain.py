"""Reasons: they add up, they are grouped by the national words, and they tell the facts."""

import numpy as np

from features.build import FeatureFrame
from features.catalog import CAUSES
from models.bundle import Bundle
from models.door import door_checks, verify_at_door
from models.explain import MOST_CAUSES, Cause, explain
from models.scorer import score
from tests.models.examples import make_frame


def test_reasons_and_base_add_up_to_the_margin(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    for margin, reasons in zip(scores.margin, explain(bundle, frame, scores, range(len(frame))), strict=True):
        if reasons:
            assert abs(sum(reason.contribution for reason in reasons) + bundle.base_margin - margin) < 1e-9


def test_only_what_was_asked_is_explained_in_the_order_asked(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    whole = explain(bundle, frame, scores, range(len(frame)))
    assert explain(bundle, frame, scores, [30, 2, 30], threads=2) == [whole[30], whole[2], whole[30]]
    assert explain(bundle, frame, scores, []) == []


def test_a_household_without_enough_data_has_no_reasons(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    rows = np.flatnonzero(scores.state == "insufficient_data")
    assert all(reasons == [] for reasons in explain(bundle, frame, scores, rows))


def test_each_cause_comes_once_and_the_most_raising_first(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    rows = np.flatnonzero(scores.state == "scored")
    expected = {feature.cause for feature in bundle.declared}
    for reasons in explain(bundle, frame, scores, rows):
        assert {reason.cause for reason in reasons} == expected
        assert len(reasons) == len(expected)
        assert [reason.contribution for reason in reasons] == sorted((r.contribution for r in reasons), reverse=True)
        assert all(reason.zh == CAUSES[reason.cause] for reason in reasons)


def test_facts_are_the_values_on_record_with_unit_and_chinese_name(bundle: Bundle) -> None:
    frame = make_frame(60, 3)
    scores = score(bundle, frame)
    rows = np.flatnonzero(scores.state == "scored")
    declared = dict(zip(bundle.features, bundle.declared, strict=True))
    unknown = 0
    for row, reasons in zip(rows, explain(bundle, frame, scores, rows), strict=True):
        for reason in reasons:
            assert len(reason.facts) <= 3
            sizes = [abs(fact.contribution) for fact in reason.facts]
            assert sizes == sorted(sizes, reverse=True)
            for fact in reason.facts:
                value = frame.values[row, frame.names.index(fact.feature)]
                unknown += fact.value is None
                assert (fact.value is None and np.isnan(value)) or fact.value == value
                assert (fact.zh, fact.unit) == (declared[fact.feature].zh, declared[fact.feature].unit)
                assert declared[fact.feature].cause == reason.cause
    assert unknown


def test_facts_are_told_of_the_reasons_that_raise_the_risk_most_and_of_no_other(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    rows = np.flatnonzero(scores.state == "scored")
    for reasons in explain(bundle, frame, scores, rows):
        main = [reason for reason in reasons if reason.contribution > 0][:MOST_CAUSES]
        assert all(reason.facts for reason in main)
        assert not any(reason.facts for reason in reasons[len(main) :])


def test_all_facts_of_a_cause_sum_to_it_when_all_are_asked(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    row = int(np.flatnonzero(scores.state == "scored")[0])
    raising = [reason for reason in explain(bundle, frame, scores, [row], most=99, facts_per_cause=99)[0] if reason.contribution > 0]
    assert raising
    for reason in raising:
        assert abs(sum(fact.contribution for fact in reason.facts) - reason.contribution) < 1e-12


def test_reasons_are_plain_values_outward(bundle: Bundle, frame: FeatureFrame) -> None:
    scores = score(bundle, frame)
    row = int(np.flatnonzero(scores.state == "scored")[0])
    told = explain(bundle, frame, scores, [row])[0][0].to_json()
    assert list(told) == ["cause", "zh", "contribution", "facts"]
    assert list(told["facts"][0]) == ["feature", "zh", "value", "unit", "contribution"]


def test_every_cause_word_has_something_to_check_at_the_door() -> None:
    for cause in CAUSES:
        assert door_checks()[cause]
        assert all(check.zh and check.en and check.cause == cause for check in door_checks()[cause])


def test_door_checks_follow_the_reasons_that_raise_the_risk() -> None:
    causes = [Cause("illness", "因病", 0.5, ()), Cause("water", "因安全饮水", 0.1, ()), Cause("schooling", "因学", -0.2, ())]
    assert [check.cause for check in verify_at_door(causes)] == ["illness", "illness", "water"]
    assert {check.cause for check in verify_at_door(causes, most=1)} == {"illness"}
    assert {check.cause for check in verify_at_door(causes[2:])} == {"income_level"}
    assert {check.cause for check in verify_at_door([])} == {"income_level"}
