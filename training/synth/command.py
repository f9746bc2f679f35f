"""The command that generates a synthetic county: `python -m training synth` and `python -m training.synth`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from features.errors import UserError
from training.synth.card import data_card
from training.synth.evidence import Evidence
from training.synth.generate import Order, generate
from training.synth.placenames import write_names
from training.synth.preset import available


def synth(
    *,
    out: Annotated[Path, typer.Option(help="输出目录 · folder for the register")],
    county: Annotated[str, typer.Option(help=f"县预设 · county preset: {', '.join(available())}")] = "jinsha",
    households: Annotated[int, typer.Option(help="户数 · number of households")] = 25_000,
    first: Annotated[int, typer.Option("--from", help="起始年 · first year")] = 2016,
    last: Annotated[int, typer.Option("--to", help="截止年 · last year")] = 2024,
    seed: Annotated[int, typer.Option(help="随机种子 · seed")] = 1,
    dirt: Annotated[float, typer.Option(help="脏数据比例 · rate of faults in the rows")] = 0.02,
    workers: Annotated[int, typer.Option(help="进程数，0 为自动 · processes, 0 chooses; the result is the same")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="替换目录中已有的登记册 · replace the register that is there")] = False,
    block: Annotated[int, typer.Option(help="每块户数，0 为自动 · households a block, 0 chooses; the rows are the same")] = 0,
) -> None:
    """生成合成县登记数据（虚构户，供演示与检验）· generate the register of a synthetic county."""
    if out.exists() and any(out.iterdir()) and not overwrite:
        raise UserError(f"{out} 已有内容 holds something already: choose another folder, or pass --overwrite 请换目录或加 --overwrite")
    order = Order(county, households, first, last, seed, dirt)
    processes = workers or min(2, os.cpu_count() or 1)
    console = Console(stderr=True, emoji=False)
    columns = (TextColumn("[progress.description]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("合成县 synthetic county", total=households)
        counts = generate(order, out, block=block, workers=processes, progress=lambda done: bar.advance(task, done))
    typer.echo(f"{out}: {households:,} households, " + ", ".join(f"{name} {number:,}" for name, number in counts.items()))
    typer.echo(f"下一步 next: python -m training train --register {out}")


def names(
    *,
    out: Annotated[Path, typer.Option(help="地名表文件 · file to write")],
    county: Annotated[str, typer.Option(help=f"县预设 · county preset: {', '.join(available())}")] = "jinsha",
) -> None:
    """写出合成县乡镇与村的虚构地名表，供服务显示 · write made-up names of a synthetic county's places, for the service to show."""
    typer.echo(f"{out}: {write_names(county, out)} 个虚构地名 made-up names")
    typer.echo(f"下一步 next: FANGPIN_REGIONS={out} python -m service serve")


def card(
    folders: Annotated[list[Path], typer.Argument(help="合成县目录，可多个 · folders of generated counties")],
    *,
    out: Annotated[Path, typer.Option(help="数据卡文件 · file to write")] = Path("docs/data-card.md"),
) -> None:
    """由生成的合成县写出数据卡与校准表 · render the data card, with its calibration tables, of generated counties."""
    console = Console(stderr=True, emoji=False)
    with Progress(TextColumn("[progress.description]{task.description}"), BarColumn(), MofNCompleteColumn(), console=console) as bar:
        task = bar.add_task("校准表 calibration", total=len(folders))
        text = data_card([Evidence(folder) for folder in folders], done=lambda: bar.advance(task))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    typer.echo(f"{out}: {len(folders)} 个合成县 synthetic counties")
    typer.echo(f"下一步 next: 核对未达标的行 read the lines that miss their target in {out}")
