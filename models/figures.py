"""Figures as plain dictionaries in plotly's shape: pages and notebooks draw the same ones, and nothing here draws.

Each figure is {"data": […], "layout": {…}} of plain numbers and texts, Chinese with English beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from features.catalog import CAUSES, CAUSES_EN, UNITS
from features.register import FloatArray
from models.explain import Cause

Figure = dict[str, Any]

RAISES, LOWERS, TOTAL = "#b3261e", "#2e7d32", "#455a64"
WATCH = "#b4500b"
TIER_COLOURS = {"red": RAISES, "orange": WATCH, "yellow": "#f4d03f", "none": TOTAL}
EXPENSE = "business_expense"
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
                "hovertemplate": "预测 predicted %{x:.2%}<br>实际 observed %{y:.2%}<br>%{customdata[1]}/%{customdata[0]} 户<extra></extra>",
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
    names = ["一般户 mean household", *(f"{reason.zh} {CAUSES_EN[reason.cause]}" for reason in causes), "本户 this household"]
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


def income(years: Sequence[Mapping[str, Any]], sources_zh: Mapping[str, str], persons: int | None) -> Figure:
    """What a person of the household lives on, year by year and by source, beside the two lines in force.

    Args:
        years: each with year, months_covered, sources (yuan of the household; expenses positive), pc_net_income, pc_market_income,
            poverty_line and monitoring_line (yuan a person and year; None where not known).
        sources_zh: Chinese name of each source.
        persons: who share the budget; None where not known, then nothing can be said for a person.
    """
    at = [str(entry["year"]) for entry in years]
    bars = [
        {
            "type": "bar",
            "name": f"{zh} {source.replace('_', ' ')}",
            "x": at,
            "y": [None if not persons else (-1 if source == EXPENSE else 1) * entry["sources"][source] / persons for entry in years],
            "hovertemplate": "%{x} %{y:,.0f} 元 yuan<extra>" + f"{zh} {source.replace('_', ' ')}" + "</extra>",
        }
        for source, zh in sources_zh.items()
        if any(entry["sources"][source] for entry in years)
    ]
    lines = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": at,
            "y": [entry[field] for entry in years],
            "line": {"dash": dash, "color": colour},
            "hovertemplate": "%{x} %{y:,.0f} 元 yuan<extra>" + name + "</extra>",
        }
        for field, name, dash, colour in (
            ("pc_net_income", "人均纯收入 net income", "solid", TOTAL),
            ("pc_market_income", "不含政策转移 without policy transfers", "dash", TOTAL),
            ("poverty_line", "贫困线 poverty line", "dot", RAISES),
            ("monitoring_line", "监测线 monitoring line", "dot", WATCH),
        )
    ]
    return {
        "data": [*bars, *lines],
        "layout": {
            "title": {"text": "人均收入与两条线 Income and the two lines"},
            "barmode": "relative",
            "xaxis": {"type": "category", "title": {"text": "年 year"}},
            "yaxis": {"title": {"text": "元/人 yuan a person"}},
            "showlegend": True,
        },
    }


def history(points: Sequence[Mapping[str, Any]]) -> Figure:
    """The probability of a household through the lists, with its interval and the colour of its tier.

    Args:
        points: each with as_of, probability, interval ([low, high] or None), tier, state and model_version, the first list first.
    """
    at = [point["as_of"] for point in points]
    bounds = [point["interval"] or (None, None) for point in points]
    band = {"type": "scatter", "mode": "lines", "x": at, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    return {
        "data": [
            {**band, "name": "下限 low", "y": [low for low, _ in bounds]},
            {**band, "name": "上限 high", "y": [high for _, high in bounds], "fill": "tonexty", "fillcolor": "rgba(69, 90, 100, 0.15)"},
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "概率 probability",
                "x": at,
                "y": [point["probability"] for point in points],
                "marker": {"color": [TIER_COLOURS[point["tier"]] for point in points], "size": 10},
                "line": {"color": TOTAL},
                "customdata": [[point["model_version"], point["state"]] for point in points],
                "hovertemplate": "%{x} %{y:.1%}<br>模型 model %{customdata[0]}<extra></extra>",
            },
        ],
        "layout": {
            "title": {"text": "历次评分 Scores through time"},
            "xaxis": {"type": "date", "title": {"text": "统计时点 as of"}},
            "yaxis": {"tickformat": ".1%", "rangemode": "tozero", "title": {"text": "概率 probability"}},
            "showlegend": False,
        },
    }


def counts_by_cause(counts: Mapping[str, int | None]) -> Figure:
    """For how many households each reason is among those that raise the risk most, the most frequent on top.

    Args:
        counts: by cause; None where it must not be told, and nothing is drawn then.
    """
    ranked = sorted(((count, cause) for cause, count in counts.items() if count), key=lambda one: (-one[0], one[1]))
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [count for count, _ in ranked],
                "y": [f"{CAUSES[cause]} {CAUSES_EN[cause]}" for _, cause in ranked],
                "marker": {"color": TOTAL},
                "hovertemplate": "%{y} %{x:,} 户 households<extra></extra>",
            }
        ],
        "layout": {
            "title": {"text": "主要原因 Causes"},
            "xaxis": {"title": {"text": "户 households"}, "tickformat": ",.0f"},
            "yaxis": {"autorange": "reversed", "title": {"text": "原因 cause"}},
            "showlegend": False,
        },
    }


def counts_by_month(months: Sequence[Mapping[str, Any]]) -> Figure:
    """How many households stood in each tier, list by list.

    Args:
        months: each with month and tier (counts by tier; None where it must not be told), the first month first.
    """
    at = [one["month"] for one in months]
    return {
        "data": [
            {
                "type": "bar",
                "name": name,
                "x": at,
                "y": [one["tier"][tier] for one in months],
                "marker": {"color": TIER_COLOURS[tier]},
                "hovertemplate": "%{x} %{y:,} 户 households<extra>" + name + "</extra>",
            }
            for tier, name in (("red", "红色 red"), ("orange", "橙色 orange"), ("yellow", "黄色 yellow"))
        ],
        "layout": {
            "title": {"text": "历次名单 Lists through time"},
            "barmode": "stack",
            "xaxis": {"type": "category", "title": {"text": "月份 month"}},
            "yaxis": {"title": {"text": "户 households"}, "tickformat": ",.0f"},
            "showlegend": True,
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
    """A fact in both languages: its name and value in the one, then in the other."""
    zh, en = _told(fact["value"], fact["unit"])
    return f"{fact['zh']}：{zh} {fact['feature'].replace('_', ' ')}: {en}"


def _told(value: float | None, unit: str) -> tuple[str, str]:
    if value is None:
        return "不详", "not known"
    if unit == "flag":
        return ("是", "yes") if value else ("否", "no")
    if unit == "share":
        return f"{value:.1%}", f"{value:.1%}"
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    zh, en = UNITS.get(unit, (unit, unit))
    return f"{number} {zh}", f"{number} {en}"
