"""The policy page in docs/ says what the files of policy say."""

from __future__ import annotations

import re
from pathlib import Path

from features.policy.language import RULES
from features.policy.packs import packs_of
from features.policy.page import render, sources
from features.policy.shipped import load

PAGE = Path(__file__).parents[3] / "docs" / "policy.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(load()), "run: python -m features policy"


def test_every_value_and_every_rule_is_in_it_with_its_reference() -> None:
    page, packs = render(load()), packs_of(load())
    for name, parameter in load().parameters.items():
        assert f"`{name}`" in page
        for values in parameter.values.values():
            for value in values:
                assert f"| {value.start} |" in page
                assert value.reference in page
    for pack in (packs.national, *packs.overlays.values()):
        for rule in (rule for kind in RULES for rule in getattr(pack, kind)):
            assert any(f"`{rule.id}`" in line and rule.reference in line for line in page.splitlines()), rule.id
        for name in pack.undefined:
            assert f"`{name}`" in page
    said = [*packs.national.measures.values(), *packs.national.answers.values()]
    for overlay in packs.overlays.values():
        assert f"{overlay.zh} {overlay.en} `{overlay.region}`" in page
        said += [*overlay.windows.values(), *overlay.batches.values(), *([overlay.verification] if overlay.verification else [])]
    for one in said:
        assert f"| {one.reference} | {one.grade} |" in page


def test_every_mark_in_a_reference_says_where_it_points_to() -> None:
    packs = packs_of(load())
    rules = [rule for pack in (packs.national, *packs.overlays.values()) for kind in RULES for rule in getattr(pack, kind)]
    named = [rule.reference for rule in rules] + [said.reference for said in packs.national.undefined.values()]
    named += [said.reference for said in (*packs.national.measures.values(), *packs.national.answers.values())]
    named += [said.reference for overlay in packs.overlays.values() for said in (*overlay.windows.values(), *overlay.batches.values())]
    marks = {mark for reference in named for mark in re.findall(r"\b(?:[PR][0-9]+|[A-Z]{2}(?=[0-9]))", reference)}
    assert "P46" in marks
    assert "JS" in marks
    assert marks - set(sources()) == set()
