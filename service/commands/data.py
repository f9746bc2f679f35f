"""Commands for data: import, export, key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.table import Table

from features.errors import UserError
from features.tables import TABLES
from service.clock import utc_now
from service.commands.console import console, open_database, progress_bar
from service.settings import Settings
from service.storage.import_plan import Mode

app = typer.Typer()
PROBLEMS_SHOWN = 5
COUNTED = (
    ("new", "新增 new"), ("changed", "其中更正 of them changed"), ("dropped", "删除 dropped"), ("unchanged", "未变 unchanged"),
    ("left_out", "未载入 left out"), ("too_old", "过早未取 too old"),
)  # fmt: skip

MonthsOption = Annotated[
    int, typer.Option("--months", help="只取最近若干个月，0 为全部 months of history to take before the register's end; 0 takes all")
]


@app.command("import")
def import_command(
    source: Annotated[
        Path,
        typer.Argument(
            help="数据目录、Excel 模板或 zip register folder, workbook or zip: households.parquet, members.csv, … register.yaml"
        ),
    ],
    *,
    mode: Annotated[
        str,
        typer.Option("--mode", help="update 增补更正 adds and corrects; replace 替换 also drops what the files no longer hold"),
    ] = "update",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入 say what would change, write nothing")] = False,
    months: MonthsOption = 36,
) -> None:
    """导入数据：新增与更正，历史保留。 Import files: what is new is added, what was wrong corrected, history stays."""
    from service.importing import STEPS, import_register, pseudonym_key

    settings = Settings()
    key = pseudonym_key(settings.pseudonym_key, demo=settings.demo)
    if mode not in get_args(Mode):
        raise UserError(f"--mode 只能是 {' 或 '.join(get_args(Mode))} is one of {', '.join(get_args(Mode))}, not {mode!r}")
    with open_database(settings) as database, progress_bar("导入 import", STEPS) as (progress, task):
        done = import_register(
            database,
            source,
            key,
            mode="replace" if mode == "replace" else "update",
            dry_run=dry_run,
            months=months or None,
            uploads=settings.uploads_dir,
            clock=utc_now,
            progress=lambda step, _: progress.update(task, description=f"导入 import · {step}", advance=1),
            waiting=lambda: progress.update(task, description="等待另一导入结束 waiting for another import to end"),
        )
        progress.update(task, description="导入 import", completed=STEPS)
    if not done.fresh:
        console.print("数据未变，无需重新导入。 The same data is stored already; nothing was written.")
    elif dry_run:
        console.print("试运行，未写入。 A dry run: nothing was written.")
    else:
        console.print(f"已导入 imported: {done.households:,} 户 households, {done.rows:,} 行 rows; 未载入 left out: {done.rows_left_out:,}")
    if done.problems:
        console.print(f"[yellow]发现 {len(done.problems):,} 处问题 problems found[/yellow]；全部见 all in {done.report}")
        for problem in done.problems[:PROBLEMS_SHOWN]:
            console.print(f"  {problem}", markup=False, soft_wrap=True)
    if done.tables:
        table = Table("表 table", *(words for _, words in COUNTED))
        for name, counts in done.tables.items():
            table.add_row(name, *(f"{getattr(counts, field):,}" for field, _ in COUNTED))
        console.print(table)
    if not dry_run:
        console.print("下一步 next: python -m service score")


@app.command()
def export(
    register: Annotated[Path, typer.Option("--register", help="写入此新目录 the folder to write; it must not exist yet")],
    at: Annotated[int | None, typer.Option("--at", help="第几次导入之后的数据 as this import left it; by default the latest")] = None,
) -> None:
    """导出登记册供训练，编号均为假名。 Write the stored register as files to train on; all ids are pseudonyms."""
    from service.exporting import export_register

    with open_database(Settings()) as database, progress_bar("导出 export", len(TABLES) + 2) as (progress, task):
        done = export_register(
            database, register, at=at, progress=lambda step: progress.update(task, description=f"导出 export · {step}", advance=1)
        )
        progress.update(task, description="导出 export", completed=len(TABLES) + 2)
    console.print(
        f"已写出 written: {register}, {done.households:,} 户 households, {done.rows:,} 行 rows, "
        f"其中本服务记录的入户 visits recorded here {done.visits:,}"
    )
    if done.months is not None:
        console.print(
            f"[yellow]只含导入时取的最近 {done.months} 个月，用于训练可能不足 only the last {done.months} months, as imported: "
            "perhaps too few to train on[/yellow]; 保留全部历史请导入时加 to keep all history, import with --months 0",
            soft_wrap=True,
        )
    console.print(f"下一步 next: python -m training train --register {register}")


@app.command("run-imports")
def run_imports() -> None:
    """处理等待中的上传文件；服务会自动启动。 Work off uploads that wait; the service starts this by itself."""
    import logging

    from service import logs
    from service.import_jobs import bound_memory, work_off

    settings = Settings()
    logs.configure(settings.log_level)
    bound_memory(settings.import_memory_mb)
    with open_database(settings) as database:
        done = work_off(settings, database, utc_now)
    logging.getLogger(__name__).info("imports worked off: %d", done)


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
