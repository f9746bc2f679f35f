"""The notebooks run to their end on a small county, in a real kernel, draw without the network and stay thin."""

import ast
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import pytest
from nbclient import NotebookClient

from tests.training.adapters.indec import write_survey
from training.adapters.eph_files import quarter_number
from training.synth.generate import Order, generate

FOLDER = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.py"))
SMALL: dict[str, dict[str, object]] = {
    "02_train.py": {"SEEDS": 1},
    "03_backtest.py": {"ORIGINS": 2, "SEEDS": 1, "PER_TOWN": 10},
    "07_panel.py": {"TRAIN_UNTIL": "2005Q3", "TEST_FROM": "2006Q3", "TEST_UNTIL": "2008Q1"},
}
AFTER = {"04_capacity.py": "03_backtest.py", "05_fairness.py": "03_backtest.py"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small county with enough falls to learn from, and a small survey in INDEC's format."""
    folder = tmp_path_factory.mktemp("lab")
    generate(Order("jinsha", 4000, 2016, 2022, 3), folder / "register", block=5000, workers=1)
    write_survey(folder / "panel", quarter_number("2004Q1"), quarter_number("2008Q1"), households=90)
    return folder


def run(name: str, home: Path) -> list[Any]:
    """The cells of a notebook after it ran."""
    notebook = jupytext.read(FOLDER / name)
    for parameter, value in SMALL.get(name, {}).items():
        cell = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
        cell.source, changed = re.subn(rf"^{parameter} = \S+", f"{parameter} = {value!r}", cell.source, flags=re.MULTILINE)
        assert changed == 1, f"{name} has no {parameter}"
    env = {key: value for key, value in os.environ.items() if not key.startswith("FANGPIN_")}
    env |= {"FANGPIN_REGISTER": str(home / "register"), "FANGPIN_HOME": str(home / "var"), "FANGPIN_PANEL": str(home / "panel")}
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(env=env, cwd=str(home))
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cells: list[Any], kind: str) -> list[str]:
    return ["".join(out.data[kind]) for cell in cells for out in cell.outputs if out.output_type == "display_data" and kind in out.data]


@pytest.fixture(scope="module")
def ran(home: Path) -> Callable[[str], list[Any]]:
    """The cells of a notebook, which is run once."""

    @cache
    def once(name: str) -> list[Any]:
        if name in AFTER:
            once(AFTER[name])
        return run(name, home)

    return once


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_to_the_end(name: str, ran: Callable[[str], list[Any]]) -> None:
    cells = ran(name)
    drawn = [html for html in shown(cells, "text/html") if "Plotly.newPlot" in html]
    assert len(drawn) >= (1 if name == "07_panel.py" else 2)
    assert "plotly.js v" in drawn[0]  # the drawing code is inside
    assert all("plotly.js v" not in html for html in drawn[1:])
    assert not [html for html in drawn if re.search(r'<(script|link)[^>]+(src|href)="http', html)]


def test_a_trained_model_and_a_backtest_leave_runs_that_are_linked(home: Path, ran: Callable[[str], list[Any]]) -> None:
    for name in ("02_train.py", "03_backtest.py"):
        links = [text for text in shown(ran(name), "text/markdown") if "[MLflow run" in text]
        assert len(links) == 1
        assert any("Beats" in text or "Not shown" in text or "Worse" in text for text in shown(ran(name), "text/markdown"))
        assert f"sqlite:///{home / 'var' / 'mlflow' / 'mlflow.db'}" in links[0]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_thin_and_keeps_no_output(name: str) -> None:
    tree = ast.parse((FOLDER / name).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda))]
    assert len((FOLDER / name).read_text(encoding="utf-8").splitlines()) <= 120
    text = jupytext.read(FOLDER / name)
    assert text.cells[0].cell_type == "markdown"
    assert not [cell for cell in text.cells if cell.cell_type == "code" and cell.outputs]


def test_nothing_is_done_without_a_register(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="FANGPIN_REGISTER"):
        run("01_register.py", tmp_path)
