"""`python -m training backtest county`: would the model have been worth using, year after year, in this county?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from features.policy.shipped import load as load_policy
from training.capacity import PER_TOWN
from training.county_report import drawn, page, report
from training.dataset import History
from training.findings import Findings, findings
from training.fit import DEFAULTS
from training.labels import shift
from training.origins import EVERY_MONTHS, MOST, origins
from training.reading import HomeOption, KeyOption, NameOption, PolicyOption, RegisterOption, console, read
from training.resample import RESAMPLES
from training.rolling import Answers, roll


def county(
    *,
    register: RegisterOption,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    name: NameOption = "falls_below",
    policy_dir: PolicyOption = None,
    most: Annotated[int, typer.Option("--origins", help="最多几个时点 · at most so many origins", min=1)] = MOST,
    every: Annotated[int, typer.Option(help="时点间隔（月）· months between origins", min=3, max=24)] = EVERY_MONTHS,
    step: Annotated[int, typer.Option(help="拟合时点间隔（月）· months between fitting dates", min=3, max=12)] = 6,
    per_town: Annotated[int, typer.Option("--per-town", help="每乡镇可走访户数 · households a township can visit", min=1)] = PER_TOWN,
    seeds: Annotated[int, typer.Option(help="种子数 · boosters averaged", min=1)] = DEFAULTS.seeds,
    seed: Annotated[int, typer.Option(help="随机种子 · random seed")] = 0,
    resamples: Annotated[int, typer.Option(help="自助重抽样次数 · resamples behind each interval", min=20)] = RESAMPLES,
    force: Annotated[bool, typer.Option("--force", help="事件太少的时点也拟合 · fit origins with too few events too")] = False,
    out: Annotated[Path, typer.Option(help="输出文件夹 · folder for the results", file_okay=False)] = Path("var/backtest-county"),
) -> None:
    """县登记册滚动回测：站在过去的每个时点往后看 · back-test on a county's register: stands on past days and looks forward."""
    facts = read(register, home, key)
    history = History(facts, load_policy(synthetic=facts.info.synthetic, counties=policy_dir), name, kept={})
    with Progress(TextColumn("{task.description:40}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("时点 origins", total=None)
        splits = origins(history, every=every, most=most, step_months=step)
        answers = roll(
            history,
            splits,
            settings=replace(DEFAULTS, seeds=seeds, seed=seed),
            force=force,
            progress=lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps),
        )
        found = findings(
            answers, per_town=per_town, resamples=resamples, seed=seed, progress=lambda what: bar.update(task, description=what)
        )
        bar.update(task, description="写出 write")
        write(answers, found, out)
    console.print(found["headline"])
    console.print(f"报告 report: {out / 'report.html'}")


def write(answers: Answers, found: Findings, folder: Path) -> None:
    """Writes report.md, report.html, findings.json, figures/*.json and answers.parquet (pseudonyms only)."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(report(found), encoding="utf-8")
    (folder / "report.html").write_text(page(found), encoding="utf-8")
    (folder / "findings.json").write_text(json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    for name, figure in drawn(found).items():
        (folder / "figures" / f"{name}.json").write_text(json.dumps(figure, ensure_ascii=False), encoding="utf-8")
    pyarrow.parquet.write_table(_table(answers), folder / "answers.parquet")


def _table(answers: Answers) -> pa.Table:
    tests = np.array([split.test.isoformat() for split in answers.origins])
    days = {
        (number, age): shift(split.test, age).isoformat()
        for number, split in enumerate(answers.origins)
        for age in set(answers.age.tolist())
    }
    columns = {
        "origin": tests[answers.origin],
        "as_of": np.array([days[pair] for pair in zip(answers.origin.tolist(), answers.age.tolist(), strict=True)]),
        "household_id": np.array(answers.household_id)[answers.household],
        "town": np.array(answers.towns)[answers.town],
        "seen": answers.seen.astype(np.int8),
        "outcome": answers.y.astype(np.int8),
        "helped": answers.helped,
        "lead_months": answers.lead,
    }
    columns |= {f"{model}.rank": values for model, values in answers.rank.items()}
    columns |= {f"{model}.probability": values for model, values in answers.probability.items()}
    return pa.table({name: pa.array(values) for name, values in columns.items()})
