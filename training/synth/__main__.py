"""`python -m training.synth`: generates a synthetic county, or with `card` renders the data card of one, with `names` names its places."""

from __future__ import annotations

import sys

import typer

from features.errors import UserError
from training.synth.command import card, names, synth

app = typer.Typer(add_completion=False, help="合成县 · the synthetic county", no_args_is_help=True)
app.command("generate")(synth)
app.command("card")(card)
app.command("names")(names)


@app.callback()
def _group() -> None:
    """合成县 · the synthetic county."""


def main() -> None:
    """Runs the command; `generate` may be left out. A user's error is shown without a traceback."""
    if len(sys.argv) > 1 and sys.argv[1].startswith("--") and sys.argv[1] != "--help":
        sys.argv.insert(1, "generate")
    try:
        app()
    except UserError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
