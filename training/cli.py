"""`python -m training …`: synthetic county, training, promotion, renewal, back-tests; each group has a file in `training/commands/`."""

from __future__ import annotations

import sys

import typer

from features.errors import UserError
from training.commands import backtesting, describing, fitting, promoting, renewing, searching
from training.reading import console
from training.synth.command import synth

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="防贫模型训练 · training of the risk models"
)
app.command(name="synth")(synth)
app.command()(fitting.train)
app.command()(searching.search)
app.command()(promoting.promote)
app.command()(promoting.rollback)
app.command()(promoting.card)
app.command()(describing.datacard)
app.command()(renewing.health)
app.command(name="shadow")(renewing.beside)
app.command()(renewing.retrain)
app.add_typer(backtesting.app, name="backtest")


def main() -> None:
    """Runs the command; a user's error is shown without traceback."""
    try:
        app()
    except UserError as error:
        console.print(f"[red]✗[/red] {error}")
        sys.exit(error.exit_code)
