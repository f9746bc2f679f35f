"""Commands for the access log: verify it, look into it."""

from __future__ import annotations

import re
from typing import Annotated

import orjson
import typer

from features.errors import UserError
from features.pseudonym import load_key, pseudonym
from service.audit import rows_of
from service.audit import verify as verify_chain
from service.commands.console import console
from service.settings import Settings

app = typer.Typer(help="访问日志 The access log.", no_args_is_help=True)
PSEUDONYM = re.compile(r"[0-9a-f]{20}")
MOMENT = re.compile(r"\d{4}-\d{2}(-\d{2}(T\d{2}:\d{2}:\d{2}Z)?)?")


@app.command()
def verify(
    contains: Annotated[
        str | None, typer.Option("--contains", help="此前另行记下的末行哈希 the hash of an earlier last row that was noted elsewhere")
    ] = None,
) -> None:
    """检查访问日志是否被改动。 Check that no row was changed, taken out, put in, moved or cut off."""
    told = verify_chain(Settings().audit_dir, contains)
    if not told.rows and told.broken is None:
        raise UserError(
            f"没有访问日志 there is no access log in {Settings().audit_dir}: 若服务已应答过请求，日志已被移走 if the service has answered "
            "anything, the log was taken away; check FANGPIN_AUDIT_DIR 请检查"
        )
    for note in told.notes or ():
        console.print(f"[yellow]注意 note[/yellow] {note}")
    if told.broken is not None:
        where = f"{told.broken.file}:{told.broken.line}"
        raise UserError(
            f"访问日志不完整 the access log does not hold at {where}: {told.broken.why}; 保留文件并查明原因 keep the files and find out why"
        )
    console.print(
        f"完整 intact: {told.rows:,} 行 rows; 请另行记下末行哈希 note the last row's hash elsewhere:\n{told.head}", soft_wrap=True
    )


@app.command()
def show(
    household: Annotated[str | None, typer.Option("--household", help="户编号或其假名 a household's id or pseudonym")] = None,
    user: Annotated[str | None, typer.Option("--user", help="用户名 user name")] = None,
    since: Annotated[str, typer.Option("--since", help="自何日起 from this day on, YYYY-MM-DD")] = "",
) -> None:
    """逐行显示（JSON）。 Show rows as JSON, one a line: of a household, of a user, from a day on."""
    settings = Settings()
    if since and not MOMENT.fullmatch(since):
        raise UserError(f"{since!r} 不是日期 is not a date; write YYYY-MM-DD")
    if household is not None and not PSEUDONYM.fullmatch(household):
        household = pseudonym(load_key(settings.pseudonym_key), household)
    for row in rows_of(settings.audit_dir, since):
        if (household is None or household in row.get("path", {}).values()) and (user is None or row.get("user") == user):
            print(orjson.dumps(row).decode())  # noqa: T201 (for other programmes to read)
