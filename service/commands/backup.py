"""Commands that keep the installation safe: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.clock import utc_now
from service.commands.console import console, progress_bar
from service.settings import Settings

app = typer.Typer()


@app.command()
def backup(out: Annotated[Path, typer.Argument(help="新目录，备份写在其中 a new folder for the copy")]) -> None:
    """备份数据库、模型与访问日志，服务可照常运行。 Copy database, models and access log while the service runs."""
    from service.backup import back_up

    settings = Settings()
    with progress_bar("备份 backup", 1) as (progress, task):
        size = back_up(
            settings,
            out,
            utc_now,
            lambda what, done, of: progress.update(task, description=f"备份 backup · {what}", completed=done, total=max(of, 1)),
        )
    console.print(f"已备份 written: {out}, {size / 1e6:,.1f} MB")
    console.print(f"假名密钥不在其中，请另存一处 the pseudonym key is not in it; keep a copy elsewhere: {settings.pseudonym_key}")


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="备份目录 a backup")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只核对备份，不写入 check the backup only, write nothing")] = False,
) -> None:
    """把备份放回一个空的安装；中断后重做即可。 Put a backup into an installation that holds nothing yet; if it breaks off, do it again."""
    from service import backup as copies

    settings = Settings()
    if dry_run:
        copies.check(settings, folder)
        console.print(f"备份完好，可以恢复 the backup is whole and can be restored: {folder}")
        return
    with progress_bar("恢复 restore", 1) as (progress, task):
        written, there = copies.restore(
            settings,
            folder,
            lambda what, done, of: progress.update(task, description=f"恢复 restore · {what}", completed=done, total=of),
        )
    for path in there:
        console.print(f"上次恢复中断前已就位，与备份一致 in place already, as in the backup, by a restore that was broken off: {path}")
    for path in written:
        console.print(f"已恢复 restored: {path}")
    console.print("请确认假名密钥是同一个 see to it that the pseudonym key is the same one; 然后 then: python -m service serve")
