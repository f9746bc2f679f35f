"""The model card: what the model is for, how it was judged, and where it fails; rendered from the run, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.tiers import TOP_SHARES
from training.markdown import figure, number, percent, table
from training.names import METRICS_ZH, MODELS_ZH, OUTCOMES_ZH

NOBODY = "软件默认，未经县里确定 the software's default; nobody of the county chose them"
METRICS = ("auc", "ap", "precision_at_10", "recall_at_10", "brier", "ece", "observed_expected")


def model_card(card: Mapping[str, Any], version: str, *, promoted: str = "", years: Mapping[str, Any] | None = None) -> str:
    """The model card as Markdown.

    Args:
        card: as the bundle carries it.
        version: of the bundle.
        promoted: who put it into service, when and why; empty where nobody did.
        years: findings of a back-test (`training.findings`), for the figures from year to year.
    """
    synthetic = "**合成数据 synthetic data: no figure here says anything of a real county.**\n\n" if card["synthetic"] else ""
    dates = card["dates"]
    tiers = card.get("tiers", {"shares": TOP_SHARES, "by": ""})  # older models say nothing of them
    parts = [
        f"# 模型卡 Model card: {card['name']} {version}\n",
        synthetic + str(card["headline"]) + "\n",
        "## 是什么 What it is\n",
        table(
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
                ("档线 tiers", _tiers(tiers)),
                ("档线由谁定 who chose them", tiers["by"] or NOBODY),
                ("上线 promoted", promoted or "未上线 not in service"),
            ],
        ),
        "## 用途 Use\n",
        "用于排定本周入户核实的先后。For ordering this week's visits.\n\n"
        "不得用于认定、退出、待遇的任何决定，不得用于评价个人，不得无人核实自动处置。Out of scope: any decision on status, exit or "
        "benefit; judging a person; anything automatic.\n\n"
        "分数高只是一次走访的理由，分数低不等于安全。A high score is a reason to visit; silence is not safety.\n",
        "## 样本 Rows\n",
        table(
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
    if years is not None:
        parts += ["## 逐年 From year to year\n", by_year(years, card)]
    parts += [
        "## 与基线之差 Difference from the baselines (paired, by household)\n",
        table(
            ("基线 baseline", "人群 segment", "指标 metric", "差 difference", "区间 interval"),
            [
                (
                    MODELS_ZH.get(r["baseline"], r["baseline"]),
                    r["segment"],
                    r["metric"],
                    number(r["value"], 4, sign=True),
                    f"{number(r['low'], 4, sign=True)} … {number(r['high'], 4, sign=True)}",
                )
                for r in card["paired"]
            ],
        ),
        "## 校准 Calibration\n",
        table(
            ("量 quantity", "值 value", "区间 interval"),
            [(METRICS_ZH.get(row["metric"], row["metric"]), number(row["value"]), _interval(row)) for row in card["calibration"]],
        ),
        "## 按人群 By group\n",
        table(
            ("人群 group", "户 n", "发生 events", "观测/预期 observed/expected", "区间 interval", "AUC"),
            [
                (
                    g["group"],
                    g["n"],
                    g["events"],
                    "样本太少 too small to judge" if g["small"] else number(g["observed_expected"]),
                    "" if g["small"] else _interval(g),
                    "" if g["small"] else number(g["auc"]),
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


def by_year(found: Mapping[str, Any], card: Mapping[str, Any]) -> str:
    """How models fitted in the same way did from origin to origin, beside the best baseline of each.

    Args:
        found: of the back-test.
        card: of the model, whose data the back-test should have been of.
    """
    made = found.get("made", {})
    other = {"data_version": "数据 data", "policy_version": "政策 policy", "outcome": "预测目标 outcome"}
    own = {"data_version": card["data_version"], "policy_version": card["policy_version"], "outcome": card["name"]}
    differs = [zh for key, zh in other.items() if made.get(key) != own[key]]
    warning = f"**回测与本模型不同 the back-test is of other: {', '.join(differs)}.**\n\n" if differs else ""
    auc = {(row["origin"], row["model"]): row for row in found["standing"] if row["metric"] == "auc" and row["segment"] == "all"}
    ratio = {row["origin"]: row for row in found["claims"] if row["metric"] == "observed_expected"}
    lines = []
    for day, here in found["capacity"]["by_origin"].items():
        hit = {row["model"]: row for row in here["metrics"] if row["metric"] == "precision"}
        best = max((model for model in hit if model != "ours"), key=lambda model: hit[model]["value"] or 0.0)
        lines.append(
            (
                day,
                here["events"],
                figure(auc[day, "ours"]),
                percent(hit["ours"]),
                f"{MODELS_ZH.get(best, best)} {percent(hit[best])}",
                figure(ratio[day], 2),
            )
        )
    head = ("时点 as_of", "跌破 falls", "AUC", f"每乡镇 {found['per_town']} 户的命中率 precision", "最好的基线 best baseline")
    return (
        warning
        + f"{found['headline']}\n\n"
        + "各时点以同样方式另行拟合。Each origin has a fit of its own, made in the same way; years differ more than the intervals say.\n\n"
        + table((*head, METRICS_ZH["observed_expected"]), lines)
    )


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


def _tiers(tiers: Mapping[str, Any]) -> str:
    shares = "/".join(f"{100 * share:g}" for share in tiers["shares"])
    return f"红/橙/黄: 校准户概率的前 {shares} %, probability cut-offs at the top {shares} % of the calibration households"


def _metrics(rows: Sequence[Mapping[str, Any]]) -> str:
    models = list(dict.fromkeys(row["model"] for row in rows))
    cell = {(row["model"], row["metric"]): row for row in rows}
    metrics = [metric for metric in METRICS if any((model, metric) in cell for model in models)]
    lines = []
    for model in models:
        values = [cell.get((model, metric)) for metric in metrics]
        said = [figure(row) if row else "" for row in values]
        lines.append((MODELS_ZH.get(model, model), *said))
    return table(("模型 model", *metrics), lines)


def _interval(row: Mapping[str, Any]) -> str:
    return f"{number(row.get('low'))}, {number(row.get('high'))}"
