"""What every notebook begins with: the county's register, a progress bar, and figures drawn as the pages draw them, without the network.

Where the register lies is said by `FANGPIN_REGISTER`, where runs are kept by `FANGPIN_HOME`; `make notebooks` sets both.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from IPython.display import HTML, Markdown, ProgressBar, display

from features.errors import UserError
from features.policy.shipped import load as load_policy
from models.figures import Figure
from training.dataset import History
from training.reading import read

PLOTLY = "fangpin-plotly"
_shown: set[str] = set()


class County(NamedTuple):
    """What a notebook works on: the facts with their outcome, and the folder that keeps its runs."""

    history: History
    home: Path


def county(name: str = "falls_below") -> County:
    """Opens the register that the notebooks work on.

    Args:
        name: of the outcome, falls_below or identified.

    Raises:
        UserError: no register is named, or it cannot be read.
    """
    folder = place("FANGPIN_REGISTER", "登记册目录 the folder of a register")
    home = Path(os.environ.get("FANGPIN_HOME", str(folder.parent)))
    key = os.environ.get("FANGPIN_PSEUDONYM_KEY")
    facts = read(folder, home, Path(key) if key else None)
    own = os.environ.get("FANGPIN_POLICY_DIR")
    policy = load_policy(synthetic=facts.info.synthetic, counties=Path(own) if own else None)
    return County(History(facts, policy, name, kept={}), home)


def place(variable: str, what: str) -> Path:
    """A folder that the environment names.

    Raises:
        UserError: it names none, or one that is not there.
    """
    said = os.environ.get(variable, "")
    if not said or not Path(said).is_dir():
        raise UserError(
            f"请先设置 {variable} 为{what}: set {variable} and start the notebooks again, {variable}=… make notebooks ({said!r})"
        )
    return Path(said)


class Steps:
    """A bar that grows as a long step advances; called with what is done, how many steps, of how many."""

    def __init__(self) -> None:
        self._bar = ProgressBar(100)
        self._bar.display()
        self._text = display(Markdown(""), display_id=True)

    def __call__(self, what: str, done: float = 0, steps: float = 1) -> None:
        """Says what is being done, and how far it is."""
        self._bar.progress = round(100 * done / steps) if steps else 0
        self._text.update(Markdown(what))

    def end(self) -> None:
        """Full, with nothing more to say."""
        self("", 1, 1)


def draw(figure: Figure) -> None:
    """Draws a figure; the drawing code comes with the notebook's first one, never from the network."""
    import plotly.graph_objects as go

    whole = go.Figure(figure).to_html(full_html=False, include_plotlyjs=PLOTLY not in _shown, default_height="26rem")
    _shown.add(PLOTLY)
    display(HTML(whole))


def tell(markdown: str) -> None:
    """Shows a report, card or table."""
    display(Markdown(markdown))


def told(rows: list[dict[str, Any]], *columns: str) -> None:
    """Shows rows as a table, some of their columns."""
    import pandas as pd

    display(pd.DataFrame(rows)[list(columns)] if columns else pd.DataFrame(rows))
