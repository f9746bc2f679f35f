"""The back-test's report: every figure with its interval, where our model is behind, and what was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.markdown import table

METRICS = ("auc", "ap", "precision_at_10", "recall_at_10", "brier", "ece", "observed_expected")
SEGMENTS_ZH = {
    "all": "全部 all",
    "edge": "边缘带（线的1.0–1.5倍） edge band, 1.0–1.5 × the line",
    "recently_poor": "上季低于线 under the line a quarter before",
    "not_imputed": "收入未插补 no income imputed",
}
MODELS_ZH = {
    "income": "按收入升序 income, ascending",
    "logistic": "逻辑回归 logistic, 30 plain features",
    "lightgbm_default": "LightGBM 默认 default",
    "ours": "**本模型 ours**",
}


def behind(paired: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The paired differences in which our model is worse with the whole interval."""
    return [row for row in paired if row["low"] is not None and (row["high"] < 0 if row["better"] > 0 else row["low"] > 0)]


def panel_report(
    summary: Mapping[str, Any],
    metrics: Sequence[Mapping[str, Any]],
    paired: Sequence[Mapping[str, Any]],
    calibration: Sequence[Mapping[str, Any]],
) -> str:
    """The report as Markdown.

    Args:
        summary: sizes, dates and alarms of the back-test.
        metrics: rows {model, segment, metric, value, low, high}.
        paired: rows {baseline, segment, metric, value, low, high, better}.
        calibration: rows {metric, value, low, high} of our model.
    """
    parts = [
        "# 真实面板回测 Back-test on a real panel (EPH, Argentina, INDEC)\n",
        f"训练 trained on as_of ≤ {summary['train_until']}: {summary['training_rows']:,} 行 rows, {summary['training_events']:,} 例 events "
        f"({summary['training_pairs']:,} 对 pairs with the neighbouring horizons). 检验 judged on {summary['test_from']} … "
        f"{summary['test_until']}, other households: {summary['test_rows']:,} 行 rows, {summary['test_events']:,} 例 events. "
        f"95 % 区间按户重抽样 intervals from resampling households.\n",
    ]
    cell = {(row["model"], row["segment"], row["metric"]): row for row in metrics}
    for segment, size in summary["segments"].items():
        parts.append(f"## {SEGMENTS_ZH[segment]}: {size['rows']:,} 行 rows, {size['events']:,} 例 events\n")
        lines = [
            [MODELS_ZH[model], *(_figure(cell[model, segment, metric]) for metric in METRICS)]
            for model in MODELS_ZH
            if (model, segment, "auc") in cell
        ]
        parts.append(table(["模型 model", *METRICS], lines))
    parts.append("## 本模型减基线 Ours minus baseline, pair by pair\n")
    lines = []
    for segment in summary["segments"]:
        for baseline in dict.fromkeys(row["baseline"] for row in paired if row["segment"] == segment):
            names = [SEGMENTS_ZH[segment].split(" ")[0], MODELS_ZH[baseline].split(" ")[0]]
            lines.append([*names, *(_signed(segment, baseline, metric, paired) for metric in METRICS)])
    parts.append(table(["人群 segment", "基线 baseline", *METRICS], lines))
    worse = behind(paired)
    count = sum(row["low"] is not None for row in paired)
    named = "; ".join(f"{row['segment']} {row['metric']} vs {row['baseline']} {row['value']:+.4f}" for row in worse)
    parts.append(
        f"整个区间都不如基线的 worse with the whole interval: {len(worse)} / {count} 项比较 comparisons"
        f"（若无差别，偶然约 by chance alone about {0.025 * count:.0f}）{': ' + named if named else ''}.\n"
    )
    parts.append("## 校准 Calibration of our model\n")
    parts.append(table(["量 quantity", "值 value [95 %]"], [[row["metric"], _figure(row)] for row in calibration]))
    shifts = ", ".join(f"{quarter} {shift:+.3f}" for quarter, shift in summary["level_shifts"].items())
    parts.append(f"各季水平移动（对数几率） level shifts by quarter (log odds): {shifts}.\n")
    parts.append("泄漏警报 leak alarms: " + ("; ".join(summary["alarms"]) or "无 none") + ".\n")
    return "\n".join(parts)


def _figure(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "—"
    return f"{row['value']:.4f}" + (f" [{row['low']:.3f}, {row['high']:.3f}]" if row["low"] is not None else "")


def _signed(segment: str, baseline: str, metric: str, paired: Sequence[Mapping[str, Any]]) -> str:
    found = next(row for row in paired if (row["segment"], row["baseline"], row["metric"]) == (segment, baseline, metric))
    return "—" if found["low"] is None else f"{found['value']:+.4f} [{found['low']:+.3f}, {found['high']:+.3f}]"
