"""Commands for access: users and tokens."""

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

user_app = typer.Typer(help="用户 Users.", no_args_is_help=True)
token_app = typer.Typer(help="访问令牌 Access tokens.", no_args_is_help=True)

ROLE_WORDS = f"角色 role: {', '.join(Role)} (town = township)"
REGION_WORDS = "区划代码 area code: county 6, township 9, village 12 digits"
NameArgument = Annotated[str, typer.Argument(help="用户名 user name")]


@user_app.command("add")
def user_add(
    name: NameArgument,
    role: Annotated[Role, typer.Option("--role", parser=Role, metavar="ROLE", help=ROLE_WORDS)],
    region: Annotated[str, typer.Option("--region", help=REGION_WORDS)],
) -> None:
    """新增用户。 Add a user; then make a token for them."""
    from service.storage.user_store import add_user

    check_grant(role, region)
    with open_database(Settings()) as database, database.writing() as connection:
        add_user(connection, name, role.value, region, utc_now())
    console.print(f"已新增 added: {name} ({role.value} {region}); 下一步 next: python -m service token create --user {name}", markup=False)


@user_app.command("list")
def user_list() -> None:
    """列出用户。 List users."""
    from service.storage.user_store import list_users

    table = Table("id", "name", "role", "region", "created", "disabled")
    with open_database(Settings()) as database, database.reading() as connection:
        for row in list_users(connection):
            table.add_row(*(str(cell or "") for cell in row))
    console.print(table)


@user_app.command("disable")
def user_disable(name: NameArgument) -> None:
    """停用用户，其令牌与登录立即失效。 End a user's access at once, with every token and session."""
    from service.storage.user_store import disable_user

    with open_database(Settings()) as database, database.writing() as connection:
        ended = disable_user(connection, name, utc_now())
    if not ended:
        raise UserError(f"没有可停用的用户 no such user, or disabled already: {name}; 全部用户见 see python -m service user list")
    console.print(f"已停用 disabled: {name}", markup=False)


@token_app.command("create")
def token_create(
    role: Annotated[Role | None, typer.Option("--role", parser=Role, metavar="ROLE", help=ROLE_WORDS)] = None,
    region: Annotated[str | None, typer.Option("--region", help=REGION_WORDS)] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="所属用户，角色与区划随用户 the user it is for, whose role and region it takes")
    ] = None,
    label: Annotated[str, typer.Option("--label", help="备注，如持有人 whose it is")] = "",
    days: Annotated[int | None, typer.Option("--days", min=1, max=366, help="有效天数 days until it expires")] = None,
) -> None:
    """新建令牌，只显示这一次。 Make a token; it is shown this once."""
    from service.storage.token_store import create_token
    from service.storage.user_store import user_of

    settings = Settings()
    if (user is None) != (role is not None and region is not None) or (user is not None and (role or region)):
        raise UserError("请给出 --user，或同时给出 --role 与 --region give either --user, or --role and --region")
    with open_database(settings) as database, database.writing() as connection:
        holder = None if user is None else user_of(connection, user)
        if user is not None and (holder is None or holder.disabled_at is not None):
            raise UserError(f"没有此用户或已停用 no such user, or disabled: {user}; 新增 add one: python -m service user add")
        if holder is not None:
            role, region = Role(holder.role), holder.region
        if role is None or region is None:
            raise UserError("请给出 --role 与 --region are needed")
        check_grant(role, region)
        token, expires = create_token(
            connection,
            role.value,
            region,
            label=label,
            now=utc_now(),
            days=days or settings.token_days,
            user_id=None if holder is None else holder.id,
        )
    print(token)  # noqa: T201 (alone on standard output, so that a script can take it)
    Console(stderr=True, highlight=False, emoji=False).print(f"{role.value} {region}, 有效至 expires {expires}")


@token_app.command("list")
def token_list() -> None:
    """列出令牌（不含令牌本身）。 List tokens, without what would let anybody in."""
    from service.storage.token_store import list_tokens

    table = Table("id", "user", "role", "region", "label", "created", "expires", "revoked")
    with open_database(Settings()) as database, database.reading() as connection:
        for row in list_tokens(connection):
            table.add_row(*(str(cell or "") for cell in row))
    console.print(table)


@token_app.command("revoke")
def token_revoke(
    number: Annotated[int | None, typer.Argument(help="令牌序号 the token's id, see token list")] = None,
    label: Annotated[str | None, typer.Option("--label", help="吊销此备注的全部令牌 end all tokens of this label")] = None,
) -> None:
    """吊销令牌，立即生效。 End a token at once, with the sessions it opened."""
    from service.storage.token_store import revoke_tokens

    if (number is None) == (label is None):
        raise UserError("请给出令牌序号或 --label 之一 give the token's id or --label")
    with open_database(Settings()) as database, database.writing() as connection:
        ended = revoke_tokens(connection, utc_now(), number=number, label=label)
    if not ended:
        raise UserError(f"没有可吊销的令牌 no such token, or it has ended already: {label if number is None else number}")
    console.print(f"已吊销 revoked: {label if number is None else number}", markup=False)
