"""`python -m training search`: looks for better settings of the model, in a stated number of trials."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from features.policy.shipped import load as load_policy
from training.commands.fitting import SeedOption, StepOption
from training.county import plan
from training.dataset import History, collect
from training.fit import DEFAULTS
from training.markdown import figure
from training.reading import HomeOption, KeyOption, NameOption, PolicyOption, RegisterOption, console, read
from training.search import SPACE
from training.search import search as look
from training.splits import held_out


def search(
    *,
    register: RegisterOption,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    name: NameOption = "falls_below",
    trials: Annotated[int, typer.Option(help="试几次 · how many settings to try", min=2)] = 40,
    step: StepOption = 6,
    seed: SeedOption = 0,
    policy_dir: PolicyOption = None,
    out: Annotated[Path, typer.Option(help="把找到的设置写入 · where the settings found are written")] = Path("settings.json"),
) -> None:
    """在验证时点上调参，并说明是否真有好处 · look for better settings on validation dates, and say whether they win."""
    facts = read(register, home, key)
    history = History(facts, load_policy(synthetic=facts.info.synthetic, counties=policy_dir), name)
    base = replace(DEFAULTS, seed=seed)
    with Progress(TextColumn("{task.description:40}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("特征 features", total=None)
        dates = plan(history, None, step)
        # the date of the test stays unseen for the model that is trained with what is found
        rows = collect(history, (*dates.fit, dates.calibrate), dates.test)
        rows = rows.select(~held_out(facts.household_id, seed)[rows.household])
        bar.update(task, total=trials)
        found = look(
            rows, trials, base=base, progress=lambda n, best: bar.update(task, completed=n, description=f"最好 best loss {best:.5f}")
        )
    for row in found.compared:
        console.print(f"  {row['metric']:18} {figure(row, 4, sign=True)} 相对默认设置 against the defaults", soft_wrap=True)
    console.print(
        f"在没有用于选择的时点检验 judged on a date that chose nothing: {found.judged_on}, {found.events} 例 events", soft_wrap=True
    )
    out.write_text(
        json.dumps({"settings": {name: getattr(found.settings, name) for name in SPACE}, "trials": found.trials}, indent=1) + "\n",
        encoding="utf-8",
    )
    told = "确有好处 they win" if found.wins else "未见好处，保留默认 not shown to win: keep the defaults"
    console.print(f"{told}; {out}; 使用 to use them: python -m training train --settings {out}", soft_wrap=True)
