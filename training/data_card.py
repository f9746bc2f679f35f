"""The data card of a register: what it covers, how late it knew, what it lacks and how many households came to need in it.

Rendered from the register itself, never by hand. Where a share is small or a table is empty the model can learn nothing from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from features.register import NEVER, Array, TableArrays
from features.tables import TABLES
from training.county import first_date, known_until, last_date, towns
from training.dataset import History, trainable
from training.labels import month_end, shift
from training.markdown import table
from training.names import OUTCOMES_ZH

TRUE_ON = {
    "employment": "start_date",
    "incomes": "period_end",
    "events": "occurred_on",
    "measures": "start_date",
    "monitoring": "identified_on",
    "visits": "visited_on",
}
"""By table, the column that says when a row was true; the others have `valid_from`."""
MOST_MISSING = 20  # features that the card names


def overview(history: History, *, every: int = 12) -> dict[str, Any]:
    """What there is to learn from and to judge by in a register, as plain values.

    Args:
        history: the facts and the outcome.
        every: months between the dates that are looked at.

    Returns:
        about: county, synthetic, known_until, data_version, households, villages, towns.
        tables: {table, zh, rows, households, first, last, delay_median, delay_90} (days between true and known).
        dates: {as_of, households, edge, at_risk, labelled, events, helped, rate}, ascending.
        inputs: how many features the model is given.
        missing: {feature, zh, share} of the households at the last date, the most missing first; inputs of the model only.

    Raises:
        TooLittleError: no incomes.
    """
    register = history.register
    until = known_until(register)
    dates = list(_dates(history, every))
    frame = history.frame(last_date(history))
    inputs = trainable(register.info)
    share = np.isnan(frame.columns(tuple(feature.name for feature in inputs))).mean(axis=0)
    order = np.argsort(-share, kind="stable")
    return {
        "about": {
            "county": register.info.county,
            "synthetic": register.info.synthetic,
            "outcome": history.name,
            "known_until": until.isoformat(),
            "data_version": register.info.digest,
            "households": len(register),
            "villages": len(register.texts["households", "village_code"]),
            "towns": len(set(towns(register))),
        },
        "tables": [_described(register.tables[name]) for name in TABLES],
        "dates": dates,
        "inputs": len(inputs),
        "missing_on": frame.as_of.isoformat(),
        "missing": [{"feature": inputs[k].name, "zh": inputs[k].zh, "share": float(share[k])} for k in order if share[k] > 0],
    }


def data_card(found: Mapping[str, Any]) -> str:
    """The data card as Markdown.

    Args:
        found: of `overview`.
    """
    about = found["about"]
    synthetic = "**合成数据 synthetic data: no figure here says anything of a real county.**\n\n" if about["synthetic"] else ""
    rate = "率 rate"
    return "\n".join(
        [
            f"# 数据卡 Data card: {about['county'] or '多县 several counties'} {about['data_version'][:12]}\n",
            synthetic
            + f"{about['households']:,} 户 households, {about['villages']:,} 村 villages, {about['towns']} 乡镇 towns; "
            + f"截至 complete until {about['known_until']}. 编号为假名 ids are pseudonyms.\n",
            "## 表 Tables\n",
            "知悉滞后 = 从发生到办公室知道的天数。Delay: days from when a row was true to when the office knew it.\n",
            table(
                ("表 table", "行 rows", "户 households", "自 first", "至 last", "滞后中位 median delay", "九成之内 nine in ten within"),
                [
                    (
                        f"{t['zh']} {t['table']}",
                        f"{t['rows']:,}",
                        f"{t['households']:,}",
                        *(("—",) * 4 if not t["rows"] else (t["first"], t["last"], f"{t['delay_median']:.0f}", f"{t['delay_90']:.0f}")),
                    )
                    for t in found["tables"]
                ],
            ),
            f"## 结果 Outcome: {OUTCOMES_ZH[about['outcome']]}\n",
            "没有结果的户既不用于学习也不用于检验。Households without a known outcome are neither learnt from nor judged by.\n",
            table(
                (
                    "时点 as_of",
                    "户 households",
                    "边缘 edge band",
                    "有风险 at risk",
                    "有结果 labelled",
                    "发生 events",
                    rate,
                    "受帮扶 helped",
                ),
                [
                    (
                        d["as_of"],
                        f"{d['households']:,}",
                        f"{d['edge']:,}",
                        f"{d['at_risk']:,}",
                        f"{d['labelled']:,}",
                        f"{d['events']:,}",
                        "—" if d["rate"] is None else f"{d['rate']:.2%}",
                        f"{d['helped']:,}",
                    )
                    for d in found["dates"]
                ],
            ),
            f"## 缺失 Missing, {found['missing_on']}\n",
            table(
                ("特征 feature", "缺失户比例 share of households without it"),
                [(f"{m['zh']} `{m['feature']}`", f"{m['share']:.1%}") for m in found["missing"][:MOST_MISSING]],
            ),
            f"其余 the other {max(0, found['inputs'] - MOST_MISSING)} / {found['inputs']}: "
            f"≤ {found['missing'][MOST_MISSING]['share'] if len(found['missing']) > MOST_MISSING else 0:.1%}\n",
            "## 用途 Use\n",
            "用于训练和检验走访排序模型。县登记册含个人数据：只在县内机器上使用，导出前以密钥假名化。"
            "For training and judging a model that orders visits. A county's register holds personal data: it stays on the "
            "county's machine, under keyed pseudonyms.\n",
        ]
    )


def _dates(history: History, every: int) -> Iterator[dict[str, Any]]:
    day, last = first_date(history), last_date(history)
    days = []
    while last >= day:
        days.append(last)
        last = shift(last, -every)
    for as_of in reversed(days):
        frame = history.frame(as_of)
        labels = history.labels(frame, known_until(history.register))
        counts = labels.counts()
        facts = frame.facts
        yield {
            "as_of": as_of.isoformat(),
            "households": len(frame.position),
            "edge": int(((facts.pc_net_income >= facts.poverty_line) & (facts.pc_net_income < facts.monitoring_line)).sum()),
            **counts,
            "rate": counts["events"] / counts["labelled"] if counts["labelled"] else None,
        }


def _described(arrays: TableArrays) -> dict[str, Any]:
    schema = TABLES[arrays.name]
    known = arrays.columns["known_on"].astype(np.int64)
    true = _days(arrays.columns[TRUE_ON.get(arrays.name, "valid_from")], monthly=arrays.name == "incomes")
    dated = (true != NEVER) & (known != NEVER)
    delay = (known - true)[dated]
    if not len(delay):
        return {"table": schema.name, "zh": schema.zh, "rows": 0, "households": 0}
    return {
        "table": schema.name,
        "zh": schema.zh,
        "rows": len(known),
        "households": len(np.unique(arrays.household)),
        "first": _text(int(true[dated].min())),
        "last": _text(int(true[dated].max())),
        "delay_median": float(np.median(delay)),
        "delay_90": float(np.quantile(delay, 0.9)),
    }


def _days(values: Array, *, monthly: bool) -> Array:
    """Days since 1970; of months, their last day."""
    values = values.astype(np.int64)
    if not monthly:
        return values
    months = np.unique(values[values != NEVER])
    ends = np.array([(month_end(int(month)) - dt.date(1970, 1, 1)).days for month in months], dtype=np.int64)
    out = np.full(len(values), NEVER, dtype=np.int64)
    there = values != NEVER
    out[there] = ends[np.searchsorted(months, values[there])]
    return out


def _text(days: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=days)).isoformat()
