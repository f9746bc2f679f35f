"""Figures of a back-test as plain dictionaries in plotly's shape, as `models.figures` has those of the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from models.figures import RAISES, TOTAL, Figure, wilson

COLOURS = (RAISES, TOTAL, "#1565c0", "#2e7d32", "#8e24aa", "#b4500b", "#6d4c41", "#00838f")


def capacity(rows: Sequence[Mapping[str, Any]], names_zh: Mapping[str, str], metric: str = "precision") -> Figure:
    """What each contestant's lists are worth, by how many households a township can visit; ours with its interval.

    Args:
        rows: {per_town, model, metric, value, low, high}.
        names_zh: of the contestants, ours first.
        metric: precision or recall.
    """
    title = {"precision": "走访中命中的比例 share of visits that found a fall", "recall": "跌破户被列入的比例 share of falls on the list"}[
        metric
    ]
    data: list[dict[str, Any]] = []
    for colour, (model, zh) in zip(cycle(COLOURS), names_zh.items(), strict=False):
        own = [row for row in rows if row["model"] == model and row["metric"] == metric]
        x = [row["per_town"] for row in own]
        if not data:
            band = [row["high"] for row in own] + [row["low"] for row in reversed(own)]
            data.append(
                {
                    "type": "scatter",
                    "x": x + x[::-1],
                    "y": band,
                    "fill": "toself",
                    "opacity": 0.2,
                    "line": {"width": 0},
                    "fillcolor": colour,
                    "name": "95 % 区间 interval",
                    "hoverinfo": "skip",
                }
            )
        data.append(
            {"type": "scatter", "mode": "lines+markers", "name": zh, "x": x, "y": [row["value"] for row in own], "line": {"color": colour}}
        )
    return _figure(title, "每乡镇走访户数 visits a township", "", data, percent=True)


def decay(rows: Sequence[Mapping[str, Any]], metric: str = "auc") -> Figure:
    """What an old fit loses against a fresh one of the same days, with intervals; nought is no loss."""
    own = [row for row in rows if row["metric"] == metric]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [0, *(row["months"] for row in own)],
            "y": [0.0, *(row["value"] for row in own)],
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": [0.0, *(row["high"] - row["value"] for row in own)],
                "arrayminus": [0.0, *(row["value"] - row["low"] for row in own)],
            },
            "line": {"color": RAISES},
            "name": metric,
        }
    ]
    return _figure(f"模型变旧的代价 What age costs: {metric}", "月 months since the origin", "旧减新 old minus fresh", data)


def over_origins(by_origin: Mapping[str, Mapping[str, Any]], names_zh: Mapping[str, str], metric: str = "precision") -> Figure:
    """A figure at capacity of each contestant from origin to origin."""
    data: list[dict[str, Any]] = []
    for colour, (model, zh) in zip(cycle(COLOURS), names_zh.items(), strict=False):
        values = [
            next(r["value"] for r in found["metrics"] if (r["model"], r["metric"]) == (model, metric)) for found in by_origin.values()
        ]
        data.append({"type": "scatter", "mode": "lines+markers", "name": zh, "x": list(by_origin), "y": values, "line": {"color": colour}})
    return _figure("各时点命中率 Precision at each origin", "时点 origin", "", data, percent=True)


def rates(dates: Sequence[Mapping[str, Any]]) -> Figure:
    """The share of households to which it happened, date by date, with 95 % Wilson bands.

    Args:
        dates: {as_of, events, labelled}, ascending; dates without a labelled household are left out.
    """
    own = [row for row in dates if row["labelled"]]
    y = [row["events"] / row["labelled"] for row in own]
    bands = [wilson(row["events"], row["labelled"]) for row in own]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [row["as_of"] for row in own],
            "y": y,
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": [high - value for (_, high), value in zip(bands, y, strict=True)],
                "arrayminus": [value - low for (low, _), value in zip(bands, y, strict=True)],
            },
            "line": {"color": RAISES},
            "customdata": [[row["events"], row["labelled"]] for row in own],
            "hovertemplate": "%{x} %{y:.2%}<br>%{customdata[0]}/%{customdata[1]} 户 households<extra></extra>",
        }
    ]
    return _figure("发生率 Share to which it happened", "时点 as of", "", data, percent=True)


def missing(shares: Sequence[Mapping[str, Any]], most: int = 20) -> Figure:
    """Which facts are missing of how many households, the most missing on top.

    Args:
        shares: {feature, zh, share}, descending.
        most: bars that are drawn.
    """
    first = list(shares)[:most][::-1]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [row["share"] for row in first],
            "y": [f"{row['zh']} {row['feature']}" for row in first],
            "marker": {"color": TOTAL},
            "hovertemplate": "%{y} %{x:.1%}<extra></extra>",
        }
    ]
    return {
        "data": data,
        "layout": {
            "title": {"text": "缺失的户 Households without it"},
            "xaxis": {"tickformat": ".0%", "rangemode": "tozero"},
            "yaxis": {"automargin": True},
            "showlegend": False,
        },
    }


def _figure(title: str, x: str, y: str, data: list[dict[str, Any]], *, percent: bool = False) -> Figure:
    vertical: dict[str, Any] = {"title": {"text": y}, "rangemode": "tozero"}
    if percent:
        vertical["tickformat"] = ".0%"
    return {
        "data": data,
        "layout": {"title": {"text": title}, "xaxis": {"title": {"text": x}}, "yaxis": vertical, "showlegend": len(data) > 1},
    }
