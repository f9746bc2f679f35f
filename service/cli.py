"""The commands of the service: import, score, serve, token, key."""

from __future__ import annotations

import datetime as dt
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.exc import OperationalError

from features.errors import UserError
from features.tables import TABLES
from service.auth import Role, check_grant
from service.clock import utc_now
from service.settings import Settings
from service.storage.database import Database

app = typer.Typer(
    help="防贫服务：导入、评分、提供接口。 Fangpin service: import, score, serve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
token_app = typer.Typer(help="访问令牌 Access tokens.", no_args_is_help=True)
app.add_typer(token_app, name="token")

console = Console(highlight=False)
PROBLEMS_SHOWN = 5
SCORE_STEPS = ("register", *(f"register: {name}" for name in TABLES), "features", "scores", "reasons", "list")

MonthsOption = Annotated[
    int, typer.Option("--months", help="只取最近若干个月，0 为全部 months of history to take before the register's end; 0 takes all")
]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="统计时点 YYYY-MM-DD，默认取数据的 known_until the day; by default the register's known_until")
]


def main() -> None:
    """Runs a command; what the user can mend is told in a line, without a traceback."""
    try:
        app()
    except UserError as error:
        Console(stderr=True, highlight=False).print(f"[red]错误 error:[/red] {error}", markup=True, soft_wrap=True)
        sys.exit(error.exit_code)
    except OperationalError as error:
        words = (
            "数据库不可用，请检查 FANGPIN_DATABASE_URL 与目录权限 the database cannot be used: check its address and who may write there"
        )
        Console(stderr=True, highlight=False).print(f"[red]错误 error:[/red] {words}: {error.orig}", markup=True, soft_wrap=True)
        sys.exit(UserError.exit_code)


@contextmanager
def _bar(words: str, steps: int) -> Iterator[tuple[Progress, TaskID]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield progress, progress.add_task(words, total=steps)


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database_url)
    try:
        database.create()
        yield database
    finally:
        database.close()


def _date(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} 不是日期 is not a date; write YYYY-MM-DD") from None


@app.command("import")
def import_command(
    folder: Annotated[Path, typer.Argument(help="数据目录 register folder: households.parquet, members.parquet, … register.yaml")],
    months: MonthsOption = 36,
) -> None:
    """导入一个数据目录，替换现有数据。 Import a register folder in the place of the stored one."""
    from service.importing import import_register, pseudonym_key

    settings = Settings()
    key = pseudonym_key(settings.pseudonym_key, demo=settings.demo)
    with _database(settings) as database, _bar("导入 import", 2 * len(TABLES) + 1) as (progress, task):
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
    from service.scoring import score_stored

    settings = Settings()
    bundle = ActiveBundle(settings.bundle_dir).current()
    day = _date(as_of)
    if (register is None) != (out is None):
        raise UserError("--register 与 --out 须同时给出 are given together: the folder to read and the file to write")
    if register is not None and out is not None:
        from service.filescore import score_file
        from service.importing import pseudonym_key

        key = None if keep_ids else pseudonym_key(settings.pseudonym_key, demo=settings.demo)
        with _bar("评分 score", len(TABLES) + 4) as (progress, task):
            rows = score_file(
                register,
                out,
                bundle,
                key=key,
                as_of=day,
                months=months or None,
                threads=settings.threads,
                with_reasons=reasons,
                progress=lambda step: progress.update(task, description=f"评分 score · {step}", advance=1),
            )
            progress.update(task, description="评分 score", completed=len(TABLES) + 4)
        console.print(f"已写出 written: {out}, {rows:,} 户 households, 模型 model {bundle.version}")
        return
    with _database(settings) as database, _bar("评分 score", len(SCORE_STEPS)) as (progress, task):
        written = score_stored(
            database,
            bundle,
            day,
            threads=settings.threads,
            clock=utc_now,
            progress=lambda step: progress.update(task, description=f"评分 score · {step}", advance=1),
            again=again,
            allow_synthetic_model=allow_synthetic_model,
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


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="监听地址 address to listen on")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="监听端口 port")] = None,
    demo_file: Annotated[
        Path | None,
        typer.Option(
            "--demo-file", help="就绪后写出地址与演示令牌（仅合成数据） write address and demo tokens here when ready; synthetic data only"
        ),
    ] = None,
) -> None:
    """提供 HTTP 接口，Ctrl-C 停止。 Serve over HTTP; Ctrl-C stops."""
    import uvicorn

    from service import demo
    from service.app import create_app
    from service.importing import pseudonym_key

    settings = Settings()
    host, port = host or settings.host, port or settings.port
    pseudonym_key(settings.pseudonym_key, demo=settings.demo)
    _check_port(host, port)
    application = create_app(settings)
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 (compared, not bound)
    url = f"http://{shown}:{port}"
    server = uvicorn.Server(uvicorn.Config(application, host=host, port=port, log_level="warning", access_log=False, server_header=False))
    if demo_file is not None:
        content = demo.prepare(application.state.service, url, demo_file)
        demo_file.unlink(missing_ok=True)

        def tell() -> None:
            demo.write(demo_file, content)
            console.print(f"\n[bold]就绪 ready[/bold]: {url}  （合成数据 synthetic data, {content['as_of']}）")
            for role, token in content["tokens"].items():
                console.print(f"  {role:<10} {content['regions'][role]:<12} {token}", markup=False)
            console.print("试一试 try:")
            for line in demo.lines(content):
                console.print(line, markup=False, soft_wrap=True)
            console.print("Ctrl-C 停止 stops.")

        demo.when_ready(url, lambda: server.started, tell, lambda why: console.print(f"[red]未能就绪 not ready:[/red] {why}"))
    else:
        console.print(f"服务地址 serving at {url}; 令牌 tokens: python -m service token create")
    server.run()


def _check_port(host: str, port: int) -> None:
    """Refuses a port that something else listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"无法监听 cannot listen on {host}:{port} ({error.strerror}): 停止占用者或换端口 stop what listens there, or pass --port"
            ) from None


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
    with _database(settings) as database, database.writing() as connection:
        token, expires = create_token(connection, role.value, region, label=label, now=utc_now(), days=days or settings.token_days)
    print(token)  # noqa: T201 (alone on standard output, so that a script can take it)
    Console(stderr=True, highlight=False).print(f"{role.value} {region}, 有效至 expires {expires}")


@token_app.command("list")
def token_list() -> None:
    """列出令牌（不含令牌本身）。 List tokens, without what would let anybody in."""
    from service.storage.token_store import list_tokens

    table = Table("id", "role", "region", "label", "created", "expires", "revoked")
    with _database(Settings()) as database, database.reading() as connection:
        for row in list_tokens(connection):
            table.add_row(*(str(cell or "") for cell in row))
    console.print(table)


@token_app.command("revoke")
def token_revoke(number: Annotated[int, typer.Argument(help="令牌序号 the token's id, see token list")]) -> None:
    """吊销令牌，立即生效。 End a token at once."""
    from service.storage.token_store import revoke_tokens

    with _database(Settings()) as database, database.writing() as connection:
        ended = revoke_tokens(connection, utc_now(), number=number)
    if not ended:
        raise UserError(f"没有可吊销的令牌 no such token, or it has ended already: {number}")
    console.print(f"已吊销 revoked: {number}")
