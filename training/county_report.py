"""The report of a county's back-test: its first line says whether the model is worth using, the rest where and for how long."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from models.figures import Figure
from training import figures
from training.findings import Findings
from training.markdown import figure, number, percent, points, table
from training.names import METRICS_ZH
from training.standing import ALL
from training.standing import METRICS as RANKING

AT_CAPACITY = ("precision", "recall", "lift")


def report(found: Findings) -> str:
    """The report as Markdown."""
    names = found["contestants"]
    capacity = found["capacity"]
    parts = [
        f"# {found['headline']}\n",
        "分数只用来决定先走访谁。A score only says whom to visit first. 区间为按户重抽样的 95 % 区间，不含年份之间的变化。"
        f"Intervals are 95 %, from {found['resamples']} resamples of households; they do not hold what one year differs from another.\n",
        *(f"**泄漏警报 leak alarm**: {alarm}\n" for alarm in found["alarms"]),
        "## 时点 Origins\n",
        table(
            ("检验 judged on", "拟合 fitted on", "校准 calibrated on", "户 households", "跌破 falls", "未见过的乡镇 town left out"),
            [
                (
                    o["test"],
                    f"{o['fit'][0]} … {o['fit'][1]} ({o['fit'][2]})",
                    o["calibrate"],
                    f"{o['n']:,}",
                    o["events"],
                    o["town_left_out"],
                )
                for o in found["origins"]
            ],
        ),
        *(f"- 略去 left out: {why}\n" for why in found["left_out"]),
        f"## 名单价值 Worth of the lists, {found['per_town']} 户/乡镇 visits a township\n",
        f"{capacity['visits']:,} 次走访 visits, {capacity['events']:,} 例跌破 falls.\n",
        _at_capacity(capacity["metrics"], names),
        "### 本模型减基线（百分点）Ours minus the baseline, percentage points\n",
        _paired(capacity["paired"], names),
        "### 各时点命中率 Precision at each origin\n",
        table(
            ("时点 origin", "跌破 falls", *names.values()),
            [
                (day, w["events"], *(percent(row) for row in w["metrics"] if row["metric"] == "precision"))
                for day, w in capacity["by_origin"].items()
            ],
        ),
        "### 三种检验 Three evaluations\n",
    ]
    for zh, w in capacity["by_evaluation"].items():
        parts += [f"**{zh}**: {w['visits']:,} 次走访 visits, {w['events']:,} 例 falls\n", _at_capacity(w["metrics"], names)]
    parts += ["## 提前多久 Lead time\n", _lead(found)]
    parts += ["## 排序与概率 Ranking and probability\n"]
    for segment in dict.fromkeys(row["segment"] for row in found["standing"]):
        rows = [row for row in found["standing"] if row["segment"] == segment and not row["origin"]]
        parts += [
            f"### {'全部 all' if segment == ALL else segment}: n {rows[0]['n']:,}, {rows[0]['events']:,} 例 falls\n",
            _ranking(rows, names),
        ]
    parts += ["## 概率是否成真 Do the claims come true\n", _claims(found), _deciles(found)]
    parts += ["## 模型变旧 Age\n", _decay(found)]
    if found["audition"]:
        parts += ["## 怎样选模型 Which way of choosing\n", _audition(found)]
    return "\n".join(parts)


def drawn(found: Findings) -> dict[str, Figure]:
    """The figures of the report by name."""
    out = {
        "precision": figures.capacity(found["curve"], found["contestants"], "precision"),
        "recall": figures.capacity(found["curve"], found["contestants"], "recall"),
        "origins": figures.over_origins(found["capacity"]["by_origin"], found["contestants"]),
    }
    return out | ({"decay": figures.decay(found["decay"])} if found["decay"] else {})


def page(found: Findings) -> str:
    """The report as one HTML file with its figures, which needs nothing beside it."""
    from markdown_it import MarkdownIt
    from plotly.offline import get_plotlyjs

    text = MarkdownIt("commonmark").enable("table").render(report(found))
    plots = "\n".join(
        f'<figure id="{name}"></figure><script>Plotly.newPlot("{name}", {_script(one["data"])}, {_script(one["layout"])})</script>'
        for name, one in drawn(found).items()
    )
    return f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>{escape(found["headline"])}</title>
<style>body{{font:16px/1.6 sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}}table{{border-collapse:collapse;font-size:.85rem}}
th,td{{border:1px solid #bbb;padding:.2rem .5rem;text-align:left}}h1{{font-size:1.3rem}}</style>
<script>{get_plotlyjs()}</script></head>
<body>{text}{plots}</body></html>
"""


def _script(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("</", "<\\/")


def _at_capacity(metrics: Sequence[dict[str, Any]], names: dict[str, str]) -> str:
    cell = {(row["model"], row["metric"]): row for row in metrics}
    return table(
        ("模型 model", *(METRICS_ZH[m] for m in AT_CAPACITY)),
        [
            (zh, percent(cell[model, "precision"]), percent(cell[model, "recall"]), figure(cell[model, "lift"], 1))
            for model, zh in names.items()
        ],
    )


def _paired(rows: Sequence[dict[str, Any]], names: dict[str, str]) -> str:
    cell = {(row["baseline"], row["metric"]): row for row in rows}
    return table(
        ("基线 baseline", METRICS_ZH["precision"], METRICS_ZH["recall"]),
        [
            (zh, points(cell[model, "precision"]), points(cell[model, "recall"]))
            for model, zh in names.items()
            if (model, "precision") in cell
        ],
    )


def _lead(found: Findings) -> str:
    head = (
        "模型 model",
        "名单上的跌破 falls listed",
        "登记册后来显示 later shown",
        "下四分位 lower (月 months)",
        "中位 median",
        "上四分位 upper",
    )
    rows = [
        (
            found["contestants"][model],
            lead["found"],
            lead["shown"],
            *(number(lead[key], 0) for key in ("lower", "median", "upper")),
            "—" if lead["half_a_year"] is None else f"{lead['half_a_year']:.0%}",
        )
        for model, lead in found["lead"].items()
    ]
    return "从上名单到登记册自己显示低于贫困线 from being listed to the register itself showing the household under the line.\n\n" + table(
        (*head, "早半年以上 by half a year or more"), rows
    )


def _ranking(rows: Sequence[dict[str, Any]], names: dict[str, str]) -> str:
    cell = {(row["model"], row["metric"]): row for row in rows}
    return table(
        ("模型 model", *(METRICS_ZH[m] for m in RANKING)),
        [(zh, *(figure(cell[model, metric]) for metric in RANKING)) for model, zh in names.items()],
    )


def _claims(found: Findings) -> str:
    days = list(dict.fromkeys(row["origin"] for row in found["claims"]))
    cell = {(row["origin"], row["metric"]): row for row in found["claims"]}
    return table(
        ("时点 origin", METRICS_ZH["observed_expected"], METRICS_ZH["slope"]),
        [(day or "合计 all", figure(cell[day, "observed_expected"]), figure(cell[day, "slope"])) for day in days],
    )


def _deciles(found: Findings) -> str:
    return table(
        ("十分位 tenth", "户 n", "跌破 falls", "预测 expected", "实际 observed"),
        [
            (k, f"{d['n']:,}", f"{d['events']:.0f}", f"{d['expected']:.2%}", f"{d['observed']:.2%}")
            for k, d in enumerate(found["deciles"], 1)
        ],
    )


def _decay(found: Findings) -> str:
    if not found["decay"]:
        return "时点太少，看不出。Too few origins to tell.\n"
    return table(
        ("月 months", "指标 metric", "时点数 days", "旧模型 old", "新模型 fresh", "旧减新 old minus fresh"),
        [
            (row["months"], METRICS_ZH[row["metric"]], row["days"], number(row["old"]), number(row["fresh"]), figure(row, sign=True))
            for row in found["decay"]
        ],
    )


def _audition(found: Findings) -> str:
    played = found["audition"]
    rows = [(rule["rule"], f"{rule['next_regret']:.2%}", " → ".join(rule["picked"])) for rule in played["rules"].values()]
    regret = [(found["contestants"][model], *(f"{value:.1%}" for value in values)) for model, values in played["regret"].items()]
    days = [o["test"] for o in found["origins"] if o["n"]]
    return (
        "遗憾：落后当时最好者多少（命中率）。Regret: how far behind the best of the origin, in precision.\n\n"
        + table(("模型 model", *days), regret)
        + "\n"
        + table(("选法 rule", "下一时点的平均遗憾 mean regret one origin later", "选了谁 picked"), rows)
    )
