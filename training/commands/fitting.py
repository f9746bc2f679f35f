"""`python -m training train`: fits and judges a model and registers it as challenger."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from features.errors import UserError
from features.policy.registry import Policy
from features.policy.shipped import load as load_policy
from features.register import Register
from training.card import METRICS
from training.county import DEFAULT_TIERS, Judged, Tiers
from training.county import train as train_county
from training.fit import DEFAULTS, Settings
from training.names import MODELS_ZH
from training.reading import HomeOption, KeyOption, NameOption, PolicyOption, RegisterOption, console, read
from training.search import settings_from

StepOption = Annotated[int, typer.Option("--step", help="拟合时点间隔（月）· months between fitting dates", min=3, max=12)]
SeedsOption = Annotated[int, typer.Option("--seeds", help="种子数 · boosters averaged", min=1)]
SeedOption = Annotated[int, typer.Option("--seed", help="随机种子 · random seed")]
ForceOption = Annotated[bool, typer.Option("--force", help="事件太少也训练 · fit in spite of too few events")]
TownOption = Annotated[bool, typer.Option("--town/--no-town", help="另留一镇检验 · also judge in a town left out")]


def train(
    *,
    register: RegisterOption,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    name: NameOption = "falls_below",
    test: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="检验时点 · as_of of the judgement [latest known]")] = None,
    step: StepOption = 3,
    seeds: SeedsOption = DEFAULTS.seeds,
    seed: SeedOption = 0,
    force: ForceOption = False,
    policy_dir: PolicyOption = None,
    town: TownOption = True,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="调参结果 · settings that a search found", exists=True, dir_okay=False)
    ] = None,
    tiers: Annotated[
        str, typer.Option(help="红/橙/黄占校准户的百分比 · per cent of the calibration households in red, orange, yellow")
    ] = "1,5,10",
    tiers_by: Annotated[str, typer.Option(help="档线由谁、何时、为何确定 · who chose the tiers, when and why; kept in the card")] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="快速试训：半年一个时点、一个种子、不留镇 · a trial: half-yearly dates, one seed, no town")
    ] = False,
) -> None:
    """训练并检验模型，登记为挑战者 · fit and judge a model, register it as challenger."""
    facts = read(register, home, key)
    if quick:
        step, seeds, town = 6, 1, False
    fit_and_register(
        facts,
        load_policy(synthetic=facts.info.synthetic, counties=policy_dir),
        home,
        name=name,
        test=test.date() if test else None,
        step=step,
        settings=replace(settings_from(settings, DEFAULTS) if settings else DEFAULTS, seeds=seeds, seed=seed),
        force=force,
        town=town,
        tiers=_tiers(tiers, tiers_by),
    )


def _tiers(said: str, by: str) -> Tiers:
    try:
        red, orange, yellow = (float(share) / 100 for share in said.split(","))
    except ValueError:
        raise UserError(f"档线应为三个百分比，如 tiers are three percentages, such as 1,5,10: {said!r}") from None
    return Tiers((red, orange, yellow), by)


def fit_and_register(
    facts: Register,
    policy: Policy,
    home: Path,
    *,
    name: str,
    test: dt.date | None = None,
    step: int = 3,
    settings: Settings = DEFAULTS,
    force: bool = False,
    town: bool = True,
    tiers: Tiers = DEFAULT_TIERS,
) -> Judged:
    """Fits, judges, writes the bundle and registers it, with a bar, and tells how it did."""
    with Progress(TextColumn("{task.description:40}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("训练 train", total=None)
        judged = train_county(
            facts,
            policy,
            name=name,
            test=test,
            step_months=step,
            settings=settings,
            force=force,
            leave_town_out=town,
            tiers=tiers,
            progress=lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps),
        )
        from training.recording import record_model  # brings MLflow, which the fit does not need

        bar.update(task, description="登记 record")
        tracked = record_model(judged, home)
    _show(judged)
    console.print(
        f"挑战者 challenger: {name} {judged.bundle.version} (登记号 number {tracked.number}), {home / 'candidates' / judged.bundle.version}"
    )
    console.print("下一步 next: python -m training promote")
    return judged


def _show(judged: Judged) -> None:
    table = Table(title=f"检验 judged on {judged.bundle.card['dates']['test']}")
    table.add_column("模型 model")
    for metric in METRICS:
        table.add_column(metric, justify="right")
    rows = {(row["model"], row["metric"]): row["value"] for row in judged.metrics if row["segment"] == "all"}
    for model in dict.fromkeys(row["model"] for row in judged.metrics):
        values = [rows.get((model, metric)) for metric in METRICS]
        table.add_row(MODELS_ZH.get(model, model), *("—" if value is None else f"{value:.3f}" for value in values))
    console.print(table)
    console.print(str(judged.bundle.card["headline"]))
    for alarm in judged.alarms:
        console.print(f"[red]泄漏警报 leak alarm[/red] {alarm}")
