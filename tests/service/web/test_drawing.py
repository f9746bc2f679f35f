"""Figures drawn by the server: what the numbers say is where it should be, and the table under it says the same."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from models import figures
from models.explain import Cause, Fact
from service.web.drawing import draw, numbers

LINES: dict[str, Any] = {
    "data": [
        {"type": "scatter", "mode": "lines+markers", "name": "收入 income", "x": ["2021", "2022", "2023"], "y": [8000.0, None, 12000.0]},
        {
            "type": "scatter",
            "mode": "lines",
            "name": "监测线 monitoring line",
            "x": ["2021", "2022", "2023"],
            "y": [6000.0, 7000.0, 8000.0],
        },
    ],
    "layout": {"title": {"text": "人均收入 Income"}, "xaxis": {"title": {"text": "年 year"}}, "yaxis": {"tickformat": ",.0f"}},
}
CAUSES = [
    Cause("illness", "因病", 0.9, (Fact("oop", "自付 <b>", 12000.0, "元", 0.9),)),
    Cause("income_level", "收入水平", -0.3, ()),
]


def drawn(figure: dict[str, Any], language: str = "zh") -> ET.Element:
    return ET.fromstring(str(draw(figure, language)))


def test_a_figure_is_well_formed_and_carries_no_inline_style() -> None:
    for figure in (LINES, figures.waterfall(CAUSES, -2.0), figures.importance({"a": 1.0, "b": 0.5}, {"a": "甲", "b": "乙"})):
        for part in drawn(figure).iter():
            assert "style" not in part.attrib
            assert part.tag in {"svg", "g", "rect", "line", "path", "text", "circle", "title"}


def test_points_stand_where_their_values_put_them() -> None:
    circles = list(drawn(LINES).iter("circle"))
    assert [one.findtext("title") for one in circles] == ["8,000", "12,000"]
    (x1, y1), (x2, y2) = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in circles]
    assert x1 < x2
    assert y1 > y2


def test_a_missing_value_breaks_the_line_instead_of_bridging_it() -> None:
    first = next(drawn(LINES).iter("path")).attrib["d"]
    paths = [one.attrib["d"] for one in drawn(LINES).iter("path") if one.attrib["d"].startswith("M") and " h " not in one.attrib["d"]]
    assert first
    assert paths[0].count("M") == 2
    assert paths[1].count("M") == 1


def test_a_waterfall_begins_each_bar_where_the_one_before_ended() -> None:
    figure = figures.waterfall(CAUSES, -2.0)
    bars = [(float(one.attrib["x"]), float(one.attrib["width"])) for one in drawn(figure).iter("rect")]
    assert bars[1][0] == pytest.approx(bars[0][0], abs=0.2)  # from the base upwards
    assert bars[1][0] + bars[1][1] == pytest.approx(bars[2][0] + bars[2][1], abs=0.2)  # the next goes back from there
    assert bars[2][0] == pytest.approx(bars[3][0], abs=0.2)  # and the household ends there
    words = [one.text for one in drawn(figure).iter("text")]
    assert {"+0.90", "−0.30", "−1.40", "因病", "本户"} <= set(words)


def test_texts_are_escaped() -> None:
    assert "<b>" not in str(draw(figures.waterfall(CAUSES, -2.0))).replace("<br>", "")


def test_each_language_reads_its_own_half() -> None:
    assert drawn(LINES, "en").attrib["aria-label"] == "Income"
    assert drawn(LINES, "zh").attrib["aria-label"] == "人均收入"


def test_the_table_holds_every_value() -> None:
    heads, rows = numbers(LINES, "en")
    assert heads == ["year", "income", "monitoring line"]
    assert rows == [["2021", "8,000", "6,000"], ["2022", "—", "7,000"], ["2023", "12,000", "8,000"]]
    heads, rows = numbers(figures.waterfall(CAUSES, -2.0), "zh")
    assert [row[0] for row in rows] == ["一般户", "因病", "收入水平", "本户"]
    assert rows[-1][1] == "−1.40"


def test_intervals_are_told_beside_their_value() -> None:
    random = np.random.default_rng(0)
    probability = random.uniform(0, 0.2, 500)
    figure = figures.calibration(probability, (random.random(500) < probability).astype(float), bins=5)
    _, rows = numbers(figure)
    assert len(rows) == 5
    assert all(re.fullmatch(r"\d+\.\d%（\d+\.\d%–\d+\.\d%）", row[1]) for row in rows)


def test_bars_on_top_of_one_another_reach_their_sum() -> None:
    figure = {
        "data": [{"type": "bar", "name": name, "x": ["2021", "2022"], "y": [10.0, 20.0]} for name in ("工资 wage", "经营 business")],
        "layout": {"barmode": "stack"},
    }
    boxes = [one.attrib for one in drawn(figure).iter("rect") if float(one.attrib["height"]) != 10]
    first = [box for box in boxes if box["fill"] == boxes[0]["fill"]]
    second = [box for box in boxes if box["fill"] != boxes[0]["fill"]]
    for below, above in zip(first, second, strict=True):
        assert float(above["y"]) + float(above["height"]) == pytest.approx(float(below["y"]), abs=0.2)


def test_hover_texts_speak_the_readers_language_alone() -> None:
    facts = (
        Fact("oop_illness", "自付", 12345.6, "yuan", 0.5),
        Fact("oop_share", "自付占比", 0.123, "share", 0.2),
        Fact("insured", "参保", 0.0, "flag", 0.1),
        Fact("bed_days", "住院天数", None, "days", 0.1),
    )
    figure = figures.waterfall([Cause("illness", "因病", 0.9, facts)], -2.0)
    told = {language: [title.text for title in drawn(figure, language).iter("title")] for language in ("zh", "en")}
    assert told["zh"] == ["自付：12,346 元\n自付占比：12.3%\n参保：否\n住院天数：不详"]
    assert told["en"] == ["oop illness: 12,346 yuan\noop share: 12.3%\ninsured: no\nbed days: not known"]
    assert [row[0] for row in numbers(figure, "en")[1]] == ["mean household", "illness", "this household"]


def test_an_unknown_kind_of_figure_is_refused() -> None:
    with pytest.raises(ValueError, match="no drawing of"):
        draw({"data": [{"type": "pie"}], "layout": {}})


@pytest.mark.parametrize(
    "empty",
    [
        figures.counts_by_cause({}),
        figures.counts_by_cause({"illness": None}),
        figures.counts_by_month([]),
        figures.counts_by_month([{"month": "2023-12", "tier": {"red": None, "orange": None, "yellow": None}}]),
        figures.importance({}, {}),
        figures.history([]),
        figures.history(
            [{"as_of": "2023-12-31", "probability": None, "interval": None, "tier": "none", "state": "below_line", "model_version": "1"}]
        ),
        figures.income([], {}, None),
    ],
)
def test_a_figure_without_a_value_says_so_in_the_readers_language(empty: dict[str, Any]) -> None:
    assert [text.text for text in drawn(empty).iter("text")] == ["没有可显示的数"]
    assert [text.text for text in drawn(empty, "en").iter("text")] == ["nothing to show"]
