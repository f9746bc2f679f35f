"""Commands for data: import, key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.tables import TABLES
from service.clock import utc_now
from service.commands.console import console, open_database, progress_bar
from service.settings import Settings

app = typer.Typer()
PROBLEMS_SHOWN = 5

MonthsOption = Annotated[
    int, typer.Option("--months", help="只取最近若干个月，0 为全部 months of history to take before the register's end; 0 takes all")
]


@app.command("import")
def import_command(
    folder: Annotated[Path, typer.Argument(help="数据目录 register folder: households.parquet, members.parquet, … register.yaml")],
    months: MonthsOption = 36,
) -> None:
    """导入一个数据目录，替换现有数据。 Import a register folder in the place of the stored one."""
    from service.importing import import_register, pseudonym_key

    settings = Settings()
    key = pseudonym_key(settings.pseudonym_key, demo=settings.demo)
    with open_database(settings) as database, progress_bar("导入 import", 2 * len(TABLES) + 1) as (progress, task):
        done = import_register(
            database,
            folder,
            key,
            months=months or None,
            uploads=settings.uploads_dir,
            clock=utc_now,
            progress=lambda step, _: progress.update(task, description=f"导入 import · {step}", advance=1),
        )
        progress.update(task, description="导入 import", completed=2 * len(TABLES) + 1)
    if not done.fresh:
        console.print("数据未变，无需重新导入。 The same data is stored already; nothing was written.")
    else:
        console.print(f"已导入 imported: {done.households:,} 户 households, {done.rows:,} 行 rows; 未载入 left out: {done.rows_left_out:,}")
    if done.problems:
        console.print(f"[yellow]发现 {len(done.problems):,} 处问题 problems found[/yellow]；全部见 all in {done.report}")
        for problem in done.problems[:PROBLEMS_SHOWN]:
            console.print(f"  {problem}", markup=False, soft_wrap=True)
    console.print("下一步 next: python -m service score")


@app.command()
def key() -> None:
    """生成户编号假名密钥。 Make the key behind the pseudonyms; keep a copy apart from the database."""
    from service.importing import make_key

    path = Settings().pseudonym_key
    make_key(path)
    console.print(
        f"已生成 written: {path}。请另行备份；遗失后同一户将得到另一假名。 "
        "Keep a copy elsewhere: without it every household gets another pseudonym."
    )
