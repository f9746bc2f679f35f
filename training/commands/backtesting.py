"""`python -m training backtest county|eph`: would the model have been worth using, year after year, in this county or on a real panel?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from features.policy.shipped import load as load_policy
from training.adapters.eph import read_panel
from training.adapters.eph_files import quarter_number
from training.answer_files import FILE, made_from, write_answers
from training.backtest import Backtest, backtest, write_backtest
from training.capacity import PER_TOWN
from training.county_report import drawn, page, report
from training.dataset import History
from training.findings import FILE as FINDINGS
from training.findings import Findings, findings
from training.fit import DEFAULTS
from training.origins import EVERY_MONTHS, MOST, origins
from training.panel_report import behind
from training.reading import HomeOption, KeyOption, NameOption, PolicyOption, RegisterOption, console, read
from training.recording import record_backtest
from training.resample import RESAMPLES
from training.rolling import roll

app = typer.Typer(no_args_is_help=True, help="回测：县登记册或真实面板 · back-test on a county's register or a real panel")


@app.command()
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
    settings = replace(DEFAULTS, seeds=seeds, seed=seed)
    with Progress(TextColumn("{task.description:40}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("时点 origins", total=None)
        splits = origins(history, every=every, most=most, step_months=step)
        answers = roll(
            history,
            splits,
            settings=settings,
            force=force,
            progress=lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps),
        )
        made = made_from(history, settings, step)
        found = findings(
            answers, per_town=per_town, resamples=resamples, seed=seed, made=made, progress=lambda what: bar.update(task, description=what)
        )
        bar.update(task, description="写出 write")
        write(found, out)
        write_answers(answers, out / FILE, made)
        run = record_backtest(found, home)
    console.print(found["headline"])
    console.print(f"报告 report: {out / 'report.html'}; 记录 run: {run.show}; {run.page}", soft_wrap=True)


def write(found: Findings, folder: Path) -> None:
    """Writes report.md, report.html, findings.json and figures/*.json."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(report(found), encoding="utf-8")
    (folder / "report.html").write_text(page(found), encoding="utf-8")
    (folder / FINDINGS).write_text(json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    for name, figure in drawn(found).items():
        (folder / "figures" / f"{name}.json").write_text(json.dumps(figure, ensure_ascii=False), encoding="utf-8")


@app.command()
def eph(
    folder: Annotated[Path, typer.Argument(help="INDEC 原始文件夹 · folder of INDEC's files", exists=True, file_okay=False)],
    *,
    train_until: Annotated[str, typer.Option(help="最后训练季度 · last as_of quarter that trains")] = "2008Q4",
    test_from: Annotated[str, typer.Option(help="首个检验季度 · first as_of quarter that judges")] = "2010Q1",
    test_until: Annotated[str | None, typer.Option(help="最后检验季度 · last as_of quarter that judges [all]")] = None,
    medians: Annotated[Path | None, typer.Option(help="全国中位数 CSV · national medians; else from the files", exists=True)] = None,
    out: Annotated[Path, typer.Option(help="输出文件夹 · folder for the results", file_okay=False)] = Path("var/backtest"),
    resamples: Annotated[int, typer.Option(help="自助重抽样次数 · resamples behind each interval", min=200)] = 200,
) -> None:
    """阿根廷住户调查：用过去拟合，在未见过的户上检验 · Argentina's EPH: fitted on the past, judged on unseen households."""
    with Progress(TextColumn("{task.description:32}"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("读取 read", total=None)
        panel = read_panel(folder, medians, lambda quarter: bar.update(task, description=f"读取 read {quarter}"))
        result = backtest(
            panel,
            quarter_number(train_until),
            quarter_number(test_from),
            test_until=quarter_number(test_until) if test_until else None,
            resamples=resamples,
            progress=lambda step, share: bar.update(task, description=step, completed=share, total=1.0 if share else None),
        )
    write_backtest(result, out)
    _show(result)
    console.print(f"结果 results: {out}")


def _show(result: Backtest) -> None:
    """The table that matters, on the terminal."""
    chosen = ("auc", "ap", "precision_at_10", "recall_at_10", "brier", "ece", "observed_expected")
    for segment, size in result.summary["segments"].items():
        table = Table(title=f"{segment}: {size['rows']:,} 行 rows, {size['events']} 事件 events")
        table.add_column("模型 model")
        for metric in chosen:
            table.add_column(metric, justify="right")
        values = {(row["model"], row["metric"]): row["value"] for row in result.metrics if row["segment"] == segment}
        for prediction in result.predictions:
            cells = [values.get((prediction.model, metric)) for metric in chosen]
            table.add_row(prediction.model, *("—" if cell is None else f"{cell:.4f}" for cell in cells))
        console.print(table)
    for row in behind(result.paired):
        console.print(f"[yellow]不如基线 behind[/yellow] {row['segment']} {row['metric']} vs {row['baseline']}: {row['value']:+.4f}")
    for alarm in result.alarms:
        console.print(f"[red]泄漏警报 leak alarm[/red] {alarm}")
