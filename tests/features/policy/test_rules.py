"""Conditions are joined by clauses; what comes out is what the words say, read one by one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import PolicyError
from features.policy.condition import All, Condition, Not, Test
from features.policy.language import Rule
from features.policy.registry import Policy
from features.policy.rules import Bounds, Docket
from features.policy.shipped import read
from features.policy.span import Span

SPANS = [(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (0.0, 1.0), (1.0, 2.0), (-np.inf, 1.0), (1.0, np.inf), (-np.inf, np.inf)]
KNOWN = {True: 1.0, False: 0.0, None: np.nan}


class Given(dict[str, Span]):
    """Facts of households as spans."""

    seen = SimpleNamespace(n=3)


tests = st.fixed_dictionaries({"fact": st.sampled_from("abc")}).flatmap(
    lambda test: st.sampled_from(["at_least", "more_than", "at_most", "less_than"]).map(lambda word: test | {word: 1.0})
)
conditions = st.recursive(
    tests,
    lambda part: st.one_of(
        st.lists(part, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(part, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        part.map(lambda one: {"not": one}),
    ),
    max_leaves=6,
)
facts = st.fixed_dictionaries({name: st.lists(st.sampled_from(SPANS), min_size=3, max_size=3) for name in "abc"})


def meant(condition: Condition, at: int, spans: dict[str, list[tuple[float, float]]]) -> bool | None:
    """What a condition says of one household, read word by word."""
    if isinstance(condition, Test):
        (low, high), (word, bound) = spans[condition.fact][at], condition.comparison
        assert isinstance(bound, float)
        certainly, never = {
            "at_least": (low >= bound, high < bound),
            "more_than": (low > bound, high <= bound),
            "at_most": (high <= bound, low > bound),
            "less_than": (high < bound, low >= bound),
        }[word]
        return True if certainly else False if never else None
    if isinstance(condition, Not):
        found = meant(condition.not_, at, spans)
        return None if found is None else not found
    decisive = not isinstance(condition, All)  # one such part settles it
    parts = condition.all if isinstance(condition, All) else condition.any
    answers = [meant(part, at, spans) for part in parts]
    return decisive if decisive in answers else None if None in answers else not decisive


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(conditions, min_size=1, max_size=3), facts)
def test_rules_answered_together_say_what_each_says_word_by_word(
    whens: list[dict[str, Any]], spans: dict[str, list[tuple[float, float]]]
) -> None:
    said = {"zh": "虚构", "en": "made up", "reference": "虚构 made up", "grade": "synthetic"}
    rules = [Rule.model_validate(said | {"id": f"rule_{at}", "when": when}) for at, when in enumerate(whens)]
    held = Given({name: Span(*map(np.array, zip(*bounds, strict=True))) for name, bounds in spans.items()})
    answers = Docket(rules, Bounds(Policy([]), "", dt.date(2024, 1, 1))).answers(held)
    expected = [[KNOWN[meant(rule.when, at, spans)] for at in range(3)] for rule in rules]
    np.testing.assert_array_equal(answers, expected)


def test_alternatives_that_would_multiply_without_end_are_refused_with_their_line(tmp_path: Path) -> None:
    pair = "{all: [{fact: disasters, at_least: 1}, {fact: accidents, at_least: 1}]}"
    rule = "id: hail, zh: 雹灾, en: Hail, reference: 虚构 made up, grade: synthetic"
    text = f'region: "990009"\nzh: 某县\nen: A county\ncohorts:\n  - {{{rule}, when: {{any: [{", ".join([pair] * 7)}]}}}}\n'
    (tmp_path / "990009.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"990009\.yaml:5: cohorts\.0\.when: hail: alternatives of too many parts"):
        read(counties=tmp_path)
