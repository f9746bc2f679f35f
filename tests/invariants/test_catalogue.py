"""What may be an input of the model, and what may never be."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from features.build import DECLARED, THEMES, catalogue, feature_names
from features.catalog import CAUSES, Feature, Leak
from features.register import Indicator, RegisterInfo
from features.tables import RISKS, TABLES

# Nobody may be scored by these, and nothing that the monitoring process itself writes may come in.
NEVER = re.compile(
    r"ethnic|nation(?!wide)|minority|民族|religio|宗教|conduct|blacklist|黑名单|crimin|违法|party|政治面貌|"
    r"name|姓名|phone|电话|diagnos|病名|identified|monitor(?!ing_line)|监测(?!线)|eliminat|消除|visit|入户原因|measure|帮扶|label|outcome|id_number|证件",
    re.IGNORECASE,
)


def test_there_are_at_least_sixty_features_in_seven_themes() -> None:
    assert len(DECLARED) >= 60
    assert {theme.name for theme in THEMES} >= {"income", "illness", "disability", "employment", "structure", "shocks"}
    assert all(theme.features for theme in THEMES)


def test_names_are_unique_and_stand_in_the_order_of_the_matrix() -> None:
    names = [feature.name for feature in DECLARED]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert feature_names(RegisterInfo()) == tuple(names)
    indicator = Indicator("distance", "通达时间", "hours", 1, "other")
    assert feature_names(RegisterInfo(indicators=(indicator,))) == (*names, "indicator.distance")
    assert catalogue(RegisterInfo(indicators=(indicator,)))[-1].direction == 1


@pytest.mark.parametrize("feature", DECLARED, ids=lambda feature: feature.name)
def test_each_feature_declares_all_that_is_asked(feature: Feature) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", feature.name)
    assert re.search("[一-鿿]", feature.zh), "staff read Chinese"
    assert feature.unit
    assert feature.direction in (-1, 0, 1)
    assert feature.cause in CAUSES
    assert feature.theme in {theme.name for theme in THEMES}
    assert not feature.categorical
    assert feature.leak in Leak


def test_no_feature_is_about_what_must_not_weigh_on_anybody() -> None:
    assert [feature.name for feature in DECLARED if NEVER.search(feature.name)] == []
    assert [feature.zh for feature in DECLARED if NEVER.search(feature.zh)] == []


def test_the_register_has_no_place_for_what_it_must_not_hold() -> None:
    forbidden = re.compile(r"ethnic|diagnos|disease_name|phone|address|bank|conduct|blacklist|full_name", re.IGNORECASE)
    columns = [f"{table.name}.{column.name}" for table in TABLES.values() for column in table.columns]
    assert [column for column in columns if forbidden.search(column)] == []


def test_causes_are_the_national_risk_words_and_the_income_level() -> None:
    assert set(CAUSES) == {code for code, _ in RISKS} | {"income_level"}
    assert {CAUSES[code] for code, _ in RISKS} == {zh for _, zh in RISKS}


def test_most_features_have_a_direction() -> None:
    directed = [feature for feature in DECLARED if feature.direction]
    assert len(directed) > len(DECLARED) / 2


def test_a_categorical_feature_may_have_no_direction() -> None:
    with pytest.raises(ValueError, match="no direction"):
        Feature("x", "某", "code", 1, "other", categorical=True)
    with pytest.raises(ValueError, match="no cause"):
        Feature("x", "某", "code", 1, "luck")
