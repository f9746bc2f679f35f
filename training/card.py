"""The model card: what the model is for, how it was judged, and where it fails; rendered from the run, never by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from training.names import MODELS_ZH, OUTCOMES_ZH

METRICS = ("auc", "ap", "precision_at_10", "recall_at_10", "brier", "ece", "observed_expected")


def model_card(card: Mapping[str, Any], version: str) -> str:
    """The model card as Markdown.

    Args:
        card: as the bundle carries it.
        version: of the bundle.
    """
    synthetic = "**合成数据 synthetic data: no figure here says anything of a real county.**\n\n" if card["synthetic"] else ""
    dates = card["dates"]
    parts = [
        f"# 模型卡 Model card: {card['name']} {version}\n",
        synthetic + str(card["headline"]) + "\n",
        "## 是什么 What it is\n",
        _table(
            ("项目 item", "内容 content"),
            [
                ("预测 predicts", OUTCOMES_ZH[card["name"]]),
                ("县 county", card["county"] or "—"),
                ("组成 made of", card["made_of"]),
                ("特征 features", f"{card['features']}"),
                ("拟合 fitted on", f"{dates['fit'][0]} … {dates['fit'][-1]} ({len(dates['fit'])} 个时点 dates)"),
                ("校准 calibrated on", dates["calibrate"]),
                ("检验 judged on", dates["test"]),
                ("数据版本 data", card["data_version"][:12]),
                ("政策版本 policy", card["policy_version"]),
                ("档线 tiers", "红/橙/黄: 校准户概率的前 1/5/10 %, probability cut-offs at the top 1/5/10 % of the calibration households"),
            ],
        ),
        "## 用途 Use\n",
        "用于排定本周入户核实的先后。For ordering this week's visits.\n\n"
        "不得用于认定、退出、待遇的任何决定，不得用于评价个人，不得无人核实自动处置。Out of scope: any decision on status, exit or "
        "benefit; judging a person; anything automatic.\n\n"
        "分数高只是一次走访的理由，分数低不等于安全。A high score is a reason to visit; silence is not safety.\n",
        "## 样本 Rows\n",
        _table(
            ("时点 as_of", "有风险 at risk", "有结果 labelled", "发生 events", "期内受帮扶 helped"),
            [(c["as_of"], c["at_risk"], c["labelled"], c["events"], c["helped"]) for c in card["counts"]],
        ),
        "## 检验 Judged forward in time\n",
    ]
    segments = list(dict.fromkeys(row["segment"] for row in card["metrics"]))
    for segment in segments:
        rows = [row for row in card["metrics"] if row["segment"] == segment]
        size = next((f"n {row['n']}, {row['events']} 例 events" for row in rows if "n" in row), "")
        parts.append(f"### {segment} {size}\n")
        parts.append(_metrics(rows))
    parts += [
        "## 与基线之差 Difference from the baselines (paired, by household)\n",
        _table(
            ("基线 baseline", "人群 segment", "指标 metric", "差 difference", "区间 interval"),
            [
                (
                    MODELS_ZH.get(r["baseline"], r["baseline"]),
                    r["segment"],
                    r["metric"],
                    f"{r['value']:+.4f}",
                    f"{r['low']:+.4f} … {r['high']:+.4f}",
                )
                for r in card["paired"]
            ],
        ),
        "## 校准 Calibration\n",
        _table(
            ("量 quantity", "值 value", "区间 interval"),
            [(row["metric"], _number(row["value"]), _interval(row)) for row in card["calibration"]],
        ),
        "## 按人群 By group\n",
        _table(
            ("人群 group", "户 n", "发生 events", "观测/预期 observed/expected", "区间 interval", "AUC"),
            [
                (
                    g["group"],
                    g["n"],
                    g["events"],
                    "样本太少 too small to judge" if g["small"] else _number(g["observed_expected"]),
                    "" if g["small"] else _interval(g),
                    "" if g["small"] else _number(g["auc"]),
                )
                for g in card["groups"]
            ],
        ),
        "## 泄漏检查 Leak checks\n",
        "\n".join(f"- {line}" for line in card["leaks"]) + "\n",
        "## 已知不足 Known failures\n",
        "\n".join(f"- {line}" for line in card["limits"]) + "\n",
    ]
    return "\n".join(parts)


def headline(paired: Sequence[Mapping[str, Any]], metric: str = "precision_at_10") -> str:
    """One sentence that leads the card: whether the model beats the best baseline where it counts.

    Args:
        paired: differences ours − baseline with intervals, segment `all`.
        metric: what counts: precision among the tenth that would be visited.
    """
    rows = [row for row in paired if row["segment"] == "all" and row["metric"] == metric]
    if not rows:
        return "没有可比的基线。There is no baseline to compare with."
    worst = min(rows, key=lambda row: row["value"])
    name = MODELS_ZH.get(worst["baseline"], worst["baseline"])
    if worst["low"] > 0:
        gain = f"{worst['value']:+.3f}"
        return f"在可走访的前10 %户中优于最好的基线（{name}）。Beats the best baseline ({name}) among the tenth visited: {gain}."
    if worst["high"] < 0:
        return f"**不如基线（{name}），不宜使用。Worse than {name} among the tenth visited: {worst['value']:+.3f}. Do not use it.**"
    return (
        f"**未见优于最好的基线（{name}）。Not shown to beat the best baseline ({name}) among the tenth visited: "
        f"{worst['value']:+.3f} [{worst['low']:+.3f}, {worst['high']:+.3f}].**"
    )


def _metrics(rows: Sequence[Mapping[str, Any]]) -> str:
    models = list(dict.fromkeys(row["model"] for row in rows))
    cell = {(row["model"], row["metric"]): row for row in rows}
    metrics = [metric for metric in METRICS if any((model, metric) in cell for model in models)]
    lines = []
    for model in models:
        values = [cell.get((model, metric)) for metric in metrics]
        said = [f"{_number(row['value'])} [{_interval(row)}]" if row else "" for row in values]
        lines.append((MODELS_ZH.get(model, model), *said))
    return _table(("模型 model", *metrics), lines)


def _number(value: float | None) -> str:
    return "—" if value is None or value != value else f"{value:.3f}"  # noqa: PLR0124 - not-a-number is the only value unlike itself


def _interval(row: Mapping[str, Any]) -> str:
    return f"{_number(row.get('low'))}, {_number(row.get('high'))}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
