"""The command that makes a past score again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from service.commands.console import console, open_database, read_date
from service.settings import Settings

app = typer.Typer()


@app.command()
def reproduce(
    household: Annotated[str, typer.Option("--household", help="户编号（假名） the household, as the list names it")],
    as_of: Annotated[str, typer.Option("--as-of", help="名单的统计时点 YYYY-MM-DD the day of the list")],
    list_version: Annotated[int | None, typer.Option("--list", min=1, help="名单版本，默认最近 which list; by default the latest")] = None,
) -> None:
    """重算过去的一个分数，逐位相同；或指出此后更正了哪些数据。 Make a past score again, or name what was corrected since."""
    from service.reproducing import COMPARED
    from service.reproducing import reproduce as make_again

    settings = Settings()
    day = read_date(as_of)
    with open_database(settings) as database:
        made = make_again(database, settings.bundle_dir, household, day, list_version, counties=settings.policy_dir)
    record = made.record
    console.print(
        f"名单 list {record.list_version}, {record.as_of}; 导入 import {record.import_id}, 模型 model {record.model_version}, "
        f"政策 policy {record.policy_version}",
        soft_wrap=True,
    )
    table = Table("", "名单 list", "重算 made again", f"按现有数据 from today's register ({made.import_id})")
    for name in COMPARED:
        table.add_row(name, *("—" if answer is None else repr(answer[name]) for answer in (made.stored, made.again, made.now)))
    console.print(table)
    if made.same:
        console.print("逐位相同 the same to the last bit")
    elif made.policy_version != record.policy_version:
        console.print(f"[red]不同[/red] differs: 政策文件已变 the policy files are {made.policy_version} now; use those of that version")
    else:
        console.print(
            "[red]不同[/red] differs, 程序或运行环境已变 with the same input: this programme or machine is not the one of that list"
        )
    for one in made.corrected:
        told = (one.table, f"[{one.key}]" if one.key else "", f"{one.column}:", _told(one.old), "→", _told(one.new))
        came = f"（导入 import {one.import_id}, {one.imported_at}）"
        console.print("  已更正 corrected:", *(word for word in told if word), came, markup=False, soft_wrap=True)
    if made.difference:
        console.print(f"更正使概率变动 the corrections move the probability by {made.difference:+.6f}")
    if not made.corrected:
        console.print("此后无更正 none of its input was corrected since")
    if not made.same:
        raise typer.Exit(1)


def _told(cell: object) -> str:
    if cell is None:
        return "无 nothing"
    return str(round(cell, 2)) if isinstance(cell, float) else str(cell)  # amounts are held a little finer than a fen
