"""The command that scores: into the database, or a folder straight into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.errors import UserError
from features.tables import TABLES
from service.clock import today, utc_now
from service.commands.console import console, open_database, progress_bar, read_date
from service.commands.data import MonthsOption
from service.settings import Settings

app = typer.Typer()
SCORE_STEPS = ("register", *(f"register: {name}" for name in TABLES), "features", "scores", "reasons", "list", "changes")

AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="统计时点 YYYY-MM-DD，默认取数据的 known_until the day; by default the register's known_until")
]


@app.command()
def score(
    *,
    as_of: AsOfOption = None,
    register: Annotated[
        Path | None, typer.Option("--register", help="直接对此目录评分，不经数据库 score this folder into --out, past the database")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="输出文件 .parquet 或 .csv output file")] = None,
    months: MonthsOption = 36,
    reasons: Annotated[bool, typer.Option("--reasons", help="文件中加入原因 with --out: add the reasons of households in a tier")] = False,
    keep_ids: Annotated[bool, typer.Option("--keep-ids", help="文件中保留原编号 with --out: leave ids as they are, no pseudonyms")] = False,
    again: Annotated[bool, typer.Option("--again", help="即使名单未变也重新生成 make the list even if nothing changed")] = False,
    allow_synthetic_model: Annotated[
        bool,
        typer.Option(
            "--allow-synthetic-model", help="允许合成数据模型用于真实数据（仅试用） let a model trained on made-up data score real rows"
        ),
    ] = False,
) -> None:
    """用启用的模型评分并生成名单。 Score with the model in use and write a new list."""
    from service.bundles import ActiveBundle
    from service.new_list import score_stored

    settings = Settings()
    bundle = ActiveBundle(settings.bundle_dir).current()
    day = None if as_of is None else read_date(as_of)
    if (register is None) != (out is None):
        raise UserError("--register 与 --out 须同时给出 are given together: the folder to read and the file to write")
    if register is not None and out is not None:
        from service.filescore import score_file
        from service.importing import pseudonym_key

        key = None if keep_ids else pseudonym_key(settings.pseudonym_key, demo=settings.demo)
        with progress_bar("评分 score", len(TABLES) + 4) as (progress, task):
            rows = score_file(
                register,
                out,
                bundle,
                key=key,
                as_of=day,
                today=today(utc_now),
                months=months or None,
                threads=settings.threads,
                with_reasons=reasons,
                counties=settings.policy_dir,
                progress=lambda step: progress.update(task, description=f"评分 score · {step}", advance=1),
            )
            progress.update(task, description="评分 score", completed=len(TABLES) + 4)
        console.print(f"已写出 written: {out}, {rows:,} 户 households, 模型 model {bundle.version}")
        return
    with open_database(settings) as database, progress_bar("评分 score", len(SCORE_STEPS)) as (progress, task):
        written = score_stored(
            database,
            bundle,
            day,
            threads=settings.threads,
            clock=utc_now,
            progress=lambda step: progress.update(task, description=f"评分 score · {step}", advance=1),
            again=again,
            allow_synthetic_model=allow_synthetic_model,
            keep_lists=settings.keep_lists,
            counties=settings.policy_dir,
        )
        progress.update(task, description="评分 score", completed=len(SCORE_STEPS))
    if written.fresh:
        counts = written.counts
        console.print(
            f"名单 list {written.version}, 统计时点 as of {written.as_of}: {counts['households']:,} 户 households; "
            f"红 red {counts['red']:,} (低于贫困线 below the line {counts['below_line']:,}), 橙 orange {counts['orange']:,}, "
            f"黄 yellow {counts['yellow']:,}, 数据不足 not enough data {counts['insufficient_data']:,}"
        )
    else:
        console.print(f"名单 list {written.version} 未变，已在使用。 The same list is in use already.")
    console.print("下一步 next: python -m service serve")
