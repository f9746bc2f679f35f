"""Commands for the database: migrate."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from service.commands.console import console
from service.settings import Settings

app = typer.Typer()


class _RehearsalError(Exception):
    """Ends a rehearsal: what was done is undone."""


@app.command()
def migrate(
    *,
    to: Annotated[str | None, typer.Option("--to", help="到第几步，默认最新 the step to go to, back as well; by default the last")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="试行后撤回，并打印 SQL do it, print the SQL, undo it")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="有数据丢失时不再询问 do not ask before something is lost")] = False,
) -> None:
    """更新数据库结构；请先备份并停止服务。 Bring the database's tables up to date; keep a copy and stop the service first."""
    from sqlalchemy import event

    from service.storage.database import Database
    from service.storage.migrating import head, losses, migrate, number, steps

    def show(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE")):
            console.print(statement.strip() + ";", markup=False, soft_wrap=True)

    database = Database(Settings().database_url)
    wanted = to or head()
    try:
        with database.reading() as connection:
            found = number(connection)
        if found == wanted:
            console.print(f"数据库已在步骤 {found}。 The database stands at step {found} already.")
            return
        forward = wanted > found
        for step, words in steps().items() if forward else reversed(steps().items()):
            if min(found, wanted) < step <= max(found, wanted):
                console.print(f"{'+' if forward else '-'} {step} {words}", markup=False, soft_wrap=True)
        lost = losses(found, wanted)
        for what in lost:
            console.print(f"[yellow]将丢失 this is lost:[/yellow] {what}", soft_wrap=True)
        if lost and not dry_run and not yes:
            typer.confirm("继续 go on?", abort=True)
        if dry_run:
            event.listen(database.engine, "before_cursor_execute", show)
        try:
            with database.altering() as connection:
                migrate(connection, wanted)
                if dry_run:
                    raise _RehearsalError
        except _RehearsalError:
            console.print(f"仅试行，未改动 tried and taken back; the database stays at step {found}.")
        else:
            console.print(f"完成 done: {found} → {wanted}")
    finally:
        database.close()
