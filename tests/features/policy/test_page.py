"""The policy page in docs/ says what the files of policy say."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from features.policy.comparison import through_time
from features.policy.language import RULES
from features.policy.packs import packs_of
from features.policy.page import render, sources
from features.policy.rules import LINES
from features.policy.shipped import load

COUNTIES = {"JS": "520523", "ZA": "611025", "TX": "450422", "JA": "360821", "MZ": "610827"}
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


def test_the_counties_stand_side_by_side_with_their_values() -> None:
    page = render(load()).split("## 各县并列")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    heads, rows = lines[0], {line[0]: line[1:] for line in lines[2:]}
    assert all(len(row) == len(heads) - 1 for row in rows.values())
    at = {county: place for place, head in enumerate(heads[1:]) for county in ("JS", "TX", "JA", "MZ", "ZA") if COUNTIES[county] in head}
    assert len(at) == 5

    def cell(words: str, county: str) -> str:
        return next(row[at[county]] for title, row in rows.items() if words in title)

    assert "2023-01-01: 7300" in cell("`monitoring_line`", "JS")
    assert "7300" not in cell("`monitoring_line`", "JA")
    assert "350" in cell("`dibao_tier_a`", "TX")
    assert cell("`dibao_tier_a`", "JS") == "不可评 none"
    assert "> 5 %" in cell("村级分级", "JS")
    assert "最高 at most 4500" in cell("奖补 rewards", "TX")
    assert "90%/80%" in cell("报销层次", "JA")
    assert cell("报销层次", "JS") != cell("报销层次", "JA")
    assert "九核" not in cell("逐项核实", "JS")
    assert "核劳动力" in cell("逐项核实", "ZA")
    assert "危房改造一批" in cell("措施别名", "MZ")


def test_a_value_stands_beside_the_others_only_as_long_as_it_is_in_force() -> None:
    """6000 of 2020 is restated for 2021 and carried no further; what nobody may carry is none until the next is stated."""
    policy = load()
    told = through_time(policy, "monitoring_line", "520523").split("；")
    assert told[-4:] == ["2020-01-01: 6000", "2022-01-01: 不可评 none", "2023-01-01: 7300", "2024-01-01: 不可评 none"]
    for county in COUNTIES.values():
        for name in set(policy.parameters) - set(LINES):
            steps = [step.partition(": ") for step in through_time(policy, name, county).split("；") if ": " in step]
            days = [dt.date.fromisoformat(day) for day, _, _ in steps]
            for (day, _, value), following in zip(steps, [*days, dt.date(2099, 1, 1)][1:], strict=True):
                for at in (dt.date.fromisoformat(day), following - dt.timedelta(days=1)):
                    found = policy.value(name, at, county)
                    assert value == ("不可评 none" if found is None else f"{found:.10g}"), (name, county, at)
