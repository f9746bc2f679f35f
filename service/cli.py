"""The commands of the service; each group has a file in `service/commands/`."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import OperationalError

from features.errors import UserError
from service.commands import audit, backup, data, model, people, policy, reproducing, scenario, scoring, serving, storage

app = typer.Typer(
    help="防贫服务：导入、评分、提供接口。 Fangpin service: import, score, serve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (data.app, scoring.app, reproducing.app, serving.app, storage.app, backup.app):
    app.add_typer(group)
app.add_typer(audit.app, name="audit")
app.add_typer(people.user_app, name="user")
app.add_typer(people.token_app, name="token")
app.add_typer(model.model_app, name="model")
app.add_typer(policy.policy_app, name="policy")
app.add_typer(scenario.app, name="scenario")


def _tell(words: str) -> None:
    """A line on what went wrong, as it is: `:100:` is the number of a line in a file, no picture."""
    console = Console(stderr=True, highlight=False, emoji=False)
    console.print(f"[red]错误 error:[/red] {escape(words)}", soft_wrap=True)


def main() -> None:
    """Runs a command; what the user can mend is told in a line, without a traceback."""
    try:
        app()
    except UserError as error:
        _tell(str(error))
        sys.exit(error.exit_code)
    except OperationalError as error:
        words = (
            "数据库不可用，请检查 FANGPIN_DATABASE_URL 与目录权限 the database cannot be used: check its address and who may write there"
        )
        _tell(f"{words}: {error.orig}")
        sys.exit(UserError.exit_code)
