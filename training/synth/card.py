"""The data card of the synthetic counties: where the data come from, how they are kept, and how near they come to the county reports.

Rendered from generated registers, never by hand; what stays the same stands in card.md beside this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from training.synth.calibration import Figure, calibration
from training.synth.evidence import Evidence

TEXT = Path(__file__).with_suffix(".md")
COUNTIES = "<!-- counties -->"


def data_card(evidence: Sequence[Evidence], done: Callable[[], None] = lambda: None) -> str:
    """The data card as Markdown.

    Args:
        evidence: the generated counties, one section each.
        done: called when a county's section is finished.
    """
    parts = []
    for one in evidence:
        parts.append(_county(one))
        done()
    return TEXT.read_text(encoding="utf-8").replace(COUNTIES, "\n".join(parts).strip())


def _county(evidence: Evidence) -> str:
    figures = calibration(evidence)
    misses = [figure for figure in figures if not figure.passes]
    name = f"{evidence.preset.get('county.zh')} {evidence.preset.get('county.en')}"
    head = (
        f"## 校准 Calibration: {name}\n\n"
        f"{evidence.count:,} households, {evidence.first}–{evidence.last}, seed {evidence.seed}. "
        f"{len(figures) - len(misses)} of {len(figures)} figures lie within their tolerance. "
        "设定 set: put in by the preset or fitted to; 自现 emerged: neither.\n\n"
        "| 依据 source | 指标 figure | 年 year | 目标 target | 模拟 simulated | 达标 within | 设定/自现 |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(_line(figure) for figure in figures) + "\n" + _incomes(evidence)


def _line(figure: Figure) -> str:
    shown = "—" if math.isnan(figure.simulated) else f"{figure.simulated:,.{_digits(figure.high)}f}"
    if figure.interval is not None and not math.isnan(figure.simulated):
        shown += " ({:,.{digits}f} … {:,.{digits}f})".format(*figure.interval, digits=_digits(figure.high))
    how = {"set": "设定 set", "emerged": "自现 emerged"}[figure.how]
    verdict = "是 yes" if figure.passes else "**否 no**"
    return f"| {figure.source} | {figure.text} | {figure.year or '—'} | {figure.target} | {shown} | {verdict} | {how} |\n"


def _digits(size: float) -> int:
    return 0 if size >= 20 else 2 if size >= 1 else 4


def _incomes(evidence: Evidence) -> str:
    """True incomes by year beside the lines."""
    rows = evidence.years
    lines = []
    for year in range(evidence.first, evidence.last + 1):
        income = rows.loc[rows["year"] == year, "pc_net"].dropna().to_numpy()
        p10, p50, p90 = np.percentile(income, [10, 50, 90])
        poverty, monitoring = evidence.plan_lines(year)
        share = float((income < poverty).mean())
        lines.append(f"| {year} | {poverty:,.0f} | {monitoring:,.0f} | {p10:,.0f} | {p50:,.0f} | {p90:,.0f} | {share:.2%} |\n")
    return (
        "真实人均纯收入（元）true per-capita net income, yuan, help included:\n\n"
        "| 年 year | 贫困线 poverty line | 监测线 monitoring line | 10 % | 中位 median | 90 % | 线下户 households under the line |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n" + "".join(lines)
    )
