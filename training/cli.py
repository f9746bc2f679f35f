"""`python -m training …`: synthetic county, training, promotion, back-tests."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from features.errors import UserError
from features.policy.shipped import load as load_policy
from models.bundle import load as load_bundle
from models.bundle import write
from training import backtest
from training.card import METRICS, model_card
from training.county import Judged, known_until
from training.county import train as train_county
from training.county_backtest import county
from training.dataset import History, collect
from training.fit import DEFAULTS
from training.names import MODELS_ZH
from training.promotion import promote as promote_bundle
from training.promotion import verdict
from training.reading import HomeOption, KeyOption, NameOption, PolicyOption, RegisterOption, console, read
from training.synth.command import synth

if TYPE_CHECKING:  # MLflow is loaded by the commands that ask it
    from training.tracking import Tracker

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="防贫模型训练 · training of the risk models"
)
app.command(name="synth")(synth)
backtest.app.command(name="county")(county)
app.add_typer(backtest.app, name="backtest")


@app.command()
def train(
    *,
    register: RegisterOption,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    name: NameOption = "falls_below",
    test: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="检验时点 · as_of of the judgement [latest known]")] = None,
    step: Annotated[int, typer.Option(help="拟合时点间隔（月）· months between fitting dates", min=3, max=12)] = 3,
    seeds: Annotated[int, typer.Option(help="种子数 · boosters averaged", min=1)] = DEFAULTS.seeds,
    seed: Annotated[int, typer.Option(help="随机种子 · random seed")] = 0,
    force: Annotated[bool, typer.Option("--force", help="事件太少也训练 · fit in spite of too few events")] = False,
    policy_dir: PolicyOption = None,
    town: Annotated[bool, typer.Option(help="另留一镇检验 · also judge in a town left out")] = True,
) -> None:
    """训练并检验模型，登记为挑战者 · fit and judge a model, register it as challenger."""
    facts = read(register, home, key)
    with Progress(TextColumn("{task.description:40}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("训练 train", total=None)
        judged = train_county(
            facts,
            load_policy(synthetic=facts.info.synthetic, counties=policy_dir),
            name=name,
            test=test.date() if test else None,
            step_months=step,
            settings=replace(DEFAULTS, seeds=seeds, seed=seed),
            force=force,
            leave_town_out=town,
            progress=lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps),
        )
        bar.update(task, description="登记 record")
        folder = home / "candidates" / judged.bundle.version
        if not folder.exists():
            write(judged.bundle, folder)
        number = _record(judged, folder, home)
    _show(judged)
    console.print(f"挑战者 challenger: {name} {judged.bundle.version} (登记号 number {number}), {folder}")
    console.print("下一步 next: python -m training promote")


@app.command()
def promote(
    *,
    home: HomeOption = Path("var"),
    key: KeyOption = None,
    name: NameOption = "falls_below",
    register: Annotated[
        Path | None, typer.Option(help="用来与现用模型比较的登记册 · register on which it is compared with the champion", file_okay=False)
    ] = None,
    policy_dir: PolicyOption = None,
    override: Annotated[str | None, typer.Option(help="未通过门槛仍上线的理由 · reason to promote in spite of the gate")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只判断，不上线 · judge only")] = False,
) -> None:
    """过门槛后上线挑战者 · promote the challenger if it passes the gate."""
    from training.tracking import CHALLENGER, CHAMPION

    tracker = _tracker(home)
    challenger = tracker.version(name, CHALLENGER)
    if challenger is None:
        raise UserError(f"没有挑战者 no challenger named {name}; first 先运行: python -m training train --register DIR")
    candidate = load_bundle(challenger.folder)
    champion = tracker.version(name, CHAMPION)
    serving = load_bundle(champion.folder) if champion else None
    if serving is not None and serving.version == candidate.version:
        serving = None
    if serving is not None and register is None:
        raise UserError("需与现用模型比较 the champion must be compared on a register; add 请加 --register DIR")
    judgement = verdict(candidate)
    if serving is not None:
        facts = read(Path(str(register)), home, key)
        dates = [dt.date.fromisoformat(candidate.card["dates"]["test"])]
        history = History(facts, load_policy(synthetic=facts.info.synthetic, counties=policy_dir), name)
        rows = collect(history, dates, known_until(facts))
        judgement = verdict(candidate, serving, rows)
    for row in judgement.compared:
        console.print(f"  {row['metric']:18} {row['value']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}] 与现用模型 against the champion")
    for objection in judgement.objections:
        console.print(f"  [red]✗[/red] {objection}")
    if dry_run:
        console.print("可以上线 passes" if judgement.passes else "不能上线 does not pass")
        raise typer.Exit(0 if judgement.passes else 1)
    promoted = promote_bundle(challenger.folder, home / "bundles", judgement, override)
    tracker.crown(challenger, override or "passed the gate")
    console.print(f"已上线 promoted: {name} {promoted.version} → {home / 'bundles'}")
    console.print("下一步 next: python -m service score")


@app.command()
def card(
    out: Annotated[Path | None, typer.Option(help="写入文件 · write to a file")] = None,
    home: HomeOption = Path("var"),
    name: NameOption = "falls_below",
    which: Annotated[str, typer.Option(help="champion, challenger 或登记号 · or a number")] = "challenger",
) -> None:
    """输出模型卡 · print the model card."""
    tracked = _tracker(home).version(name, which)
    if tracked is None:
        raise UserError(f"没有该模型 no model {name} {which}; first 先运行: python -m training train --register DIR")
    bundle = load_bundle(tracked.folder)
    text = model_card(bundle.card, bundle.version)
    if out:
        out.write_text(text, encoding="utf-8")
        console.print(f"已写入 written: {out}")
    else:
        typer.echo(text)


def _tracker(home: Path) -> Tracker:
    """The store of runs of a folder, which must be there.

    Raises:
        UserError: nothing was trained there.
    """
    from training.tracking import Tracker

    if not (home / "mlflow").is_dir():
        raise UserError(f"{home} 中没有训练记录 holds no training runs: name the folder that train was given --home 请指明训练时的 --home")
    return Tracker(home / "mlflow")


def _record(judged: Judged, folder: Path, home: Path) -> str:
    from models.figures import calibration, importance
    from training.tracking import Tracker

    bundle = judged.bundle
    numbers = {
        f"{row['segment'].split(' ')[0]}.{row['model']}.{row['metric']}": row["value"]
        for row in judged.metrics
        if row["value"] is not None and row["model"] == "ours"
    }
    settings = {f"fit.{key}": value for key, value in bundle.card["settings"].items()}
    tracked = Tracker(home / "mlflow").record(
        bundle.name,
        folder,
        params={
            **settings,
            "data_version": bundle.card["data_version"],
            "policy_version": bundle.card["policy_version"],
            "bundle_version": bundle.version,
            "fitted_until": bundle.card["dates"]["fit"][-1],
            "calibrated_on": bundle.card["dates"]["calibrate"],
            "judged_on": bundle.card["dates"]["test"],
        },
        metrics=numbers,
        figures={
            "calibration": calibration(judged.ours.probability, judged.test.y),
            "importance": importance(bundle.importance, {feature.name: feature.zh for feature in bundle.declared}),
        },
        documents={"model-card.md": model_card(bundle.card, bundle.version)},
    )
    return tracked.number


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


def main() -> None:
    """Runs the command; a user's error is shown without traceback."""
    try:
        app()
    except UserError as error:
        console.print(f"[red]✗[/red] {error}")
        sys.exit(error.exit_code)
