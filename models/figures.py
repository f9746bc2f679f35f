"""Figures as plain dictionaries in plotly's shape: pages and notebooks draw the same ones, and nothing here draws.

Each figure is {"data": […], "layout": {…}} of plain numbers and texts, Chinese with English beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from features.register import FloatArray
from models.explain import Cause

Figure = dict[str, Any]

RAISES, LOWERS, TOTAL = "#c0392b", "#2e7d32", "#455a64"
Z = 1.959963984540054
"""Half width of a 95 % interval, in standard errors."""


def calibration(probability: FloatArray, outcome: FloatArray, bins: int = 10) -> Figure:
    """Predicted against observed, by tenths of the households from the least to the most at risk, with 95 % Wilson bands.

    Args:
        probability: (n,) predicted, n >= bins.
        outcome: (n,) 1 where it came about, else 0.
        bins: groups of equal size.

    Returns:
        one point a group; `customdata` holds [households, outcomes, low, high] of each.
    """
    order = np.argsort(probability, kind="stable")
    groups = np.array_split(order, bins)
    expected = [float(probability[group].mean()) for group in groups]
    observed = [float(outcome[group].mean()) for group in groups]
    bands = [wilson(float(outcome[group].sum()), len(group)) for group in groups]
    counts = [[len(group), int(outcome[group].sum()), low, high] for group, (low, high) in zip(groups, bands, strict=True)]
    top = max([*expected, *(high for _, high in bands)])
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": "理想 ideal",
                "x": [0.0, top],
                "y": [0.0, top],
                "line": {"dash": "dot", "color": TOTAL},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "mode": "markers+lines",
                "name": "本模型 this model",
                "x": expected,
                "y": observed,
                "customdata": counts,
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [max(0.0, high - y) for (_, high), y in zip(bands, observed, strict=True)],
                    "arrayminus": [max(0.0, y - low) for (low, _), y in zip(bands, observed, strict=True)],
                },
                "hovertemplate": "预测 %{x:.2%}<br>实际 %{y:.2%}<br>%{customdata[0]} 户，%{customdata[1]} 户发生<extra></extra>",
            },
        ],
        "layout": {
            "title": {"text": "预测与实际 Predicted and observed"},
            "xaxis": {"title": {"text": "预测概率 predicted"}, "tickformat": ".1%", "rangemode": "tozero"},
            "yaxis": {"title": {"text": "实际比例 observed"}, "tickformat": ".1%", "rangemode": "tozero"},
            "showlegend": True,
        },
    }


def waterfall(causes: Sequence[Cause], base_margin: float) -> Figure:
    """From the mean household to this one, reason by reason; in log-odds, which add up as probabilities do not.

    Args:
        causes: reasons of one household as `explain` gives them, all of them.
        base_margin: the bundle's, where the reasons start.

    Returns:
        bars from the base over every reason to the household's margin.
    """
    names = ["一般户 mean household", *(reason.zh for reason in causes), "本户 this household"]
    steps = [base_margin, *(reason.contribution for reason in causes), 0.0]
    told = ["", *("<br>".join(_line(fact._asdict()) for fact in reason.facts) for reason in causes), ""]
    return {
        "data": [
            {
                "type": "waterfall",
                "orientation": "h",
                "y": names,
                "x": steps,
                "measure": ["absolute", *("relative" for _ in causes), "total"],
                "text": told,
                "textposition": "none",
                "hovertemplate": "%{y} %{x:+.2f}<br>%{text}<extra></extra>",
                "increasing": {"marker": {"color": RAISES}},
                "decreasing": {"marker": {"color": LOWERS}},
                "totals": {"marker": {"color": TOTAL}},
            }
        ],
        "layout": {
            "title": {"text": "为什么 Why"},
            "xaxis": {"title": {"text": "对数几率 log-odds"}, "zeroline": False},
            "yaxis": {"autorange": "reversed"},
            "showlegend": False,
        },
    }


def importance(importances: Mapping[str, float], names_zh: Mapping[str, str], most: int = 20) -> Figure:
    """The features that say most on average, the strongest on top."""
    ranked = sorted(importances.items(), key=lambda item: (-item[1], item[0]))[:most]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [value for _, value in ranked],
                "y": [names_zh.get(name, name) for name, _ in ranked],
                "customdata": [name for name, _ in ranked],
                "marker": {"color": TOTAL},
                "hovertemplate": "%{y} %{x:.3f}<br>%{customdata}<extra></extra>",
            }
        ],
        "layout": {
            "title": {"text": "平均作用 Mean effect"},
            "xaxis": {"title": {"text": "平均绝对贡献（对数几率）mean absolute contribution (log-odds)"}},
            "yaxis": {"autorange": "reversed"},
            "showlegend": False,
        },
    }


def wilson(successes: float, trials: int) -> tuple[float, float]:
    """95 % Wilson interval of a share.

    >>> low, high = wilson(0, 100)
    >>> round(low, 4), round(high, 4)
    (0.0, 0.037)
    """
    share = successes / trials
    middle = (share + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    half = Z * np.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2)) / (1 + Z**2 / trials)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _line(fact: Mapping[str, Any]) -> str:
    value = "不详 not known" if fact["value"] is None else f"{fact['value']:,.4g} {fact['unit']}"
    return f"{fact['zh']}：{value}"
