"""Commands for access: tokens."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.errors import UserError
from service.auth import Role, check_grant
from service.clock import utc_now
from service.commands.console import console, open_database
from service.settings import Settings

token_app = typer.Typer(help="访问令牌 Access tokens.", no_args_is_help=True)


@token_app.command("create")
def token_create(
    role: Annotated[Role, typer.Option("--role", help="角色 role")],
    region: Annotated[str, typer.Option("--region", help="区划代码 area code: county 6, township 9, village 12 digits")],
    label: Annotated[str, typer.Option("--label", help="备注，如持有人 whose it is")] = "",
    days: Annotated[int | None, typer.Option("--days", min=1, max=366, help="有效天数 days until it expires")] = None,
) -> None:
    """新建令牌，只显示这一次。 Make a token; it is shown this once."""
    from service.storage.token_store import create_token

    settings = Settings()
    check_grant(role, region)
    with open_database(settings) as database, database.writing() as connection:
        token, expires = create_token(connection, role.value, region, label=label, now=utc_now(), days=days or settings.token_days)
    print(token)  # noqa: T201 (alone on standard output, so that a script can take it)
    Console(stderr=True, highlight=False).print(f"{role.value} {region}, 有效至 expires {expires}")


@token_app.command("list")
def token_list() -> None:
    """列出令牌（不含令牌本身）。 List tokens, without what would let anybody in."""
    from service.storage.token_store import list_tokens

    table = Table("id", "role", "region", "label", "created", "expires", "revoked")
    with open_database(Settings()) as database, database.reading() as connection:
        for row in list_tokens(connection):
            table.add_row(*(str(cell or "") for cell in row))
    console.print(table)


@token_app.command("revoke")
def token_revoke(number: Annotated[int, typer.Argument(help="令牌序号 the token's id, see token list")]) -> None:
    """吊销令牌，立即生效。 End a token at once."""
    from service.storage.token_store import revoke_tokens

    with open_database(Settings()) as database, database.writing() as connection:
        ended = revoke_tokens(connection, utc_now(), number=number)
    if not ended:
        raise UserError(f"没有可吊销的令牌 no such token, or it has ended already: {number}")
    console.print(f"已吊销 revoked: {number}")
