"""The data card counts what is there: rows, delays, gaps and outcomes."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from features.policy.registry import Policy
from features.register import Register
from training.cli import app
from training.county import known_until
from training.data_card import data_card, overview
from training.dataset import History


@pytest.fixture(scope="module")
def history(county: Register, policy: Policy) -> History:
    return History(county, policy, kept={})


def test_counts_are_those_of_the_register(history: History) -> None:
    found = overview(history)
    register = history.register
    assert found["about"]["households"] == len(register)
    rows = {row["table"]: row for row in found["tables"]}
    assert all(rows[name]["rows"] == len(table.columns["known_on"]) for name, table in register.tables.items() if name != "indicators")
    assert rows["indicators"]["rows"] == 0
    events = register.tables["events"].columns
    delay = events["known_on"].astype(int) - events["occurred_on"].astype(int)
    assert rows["events"]["delay_median"] == np.median(delay)
    assert rows["incomes"]["delay_median"] > 0  # a quarter is known after it ended
    assert rows["incomes"]["last"][5:] in {"03-31", "06-30", "09-30", "12-31"}


def test_outcomes_and_gaps_are_those_of_the_frame(history: History) -> None:
    found = overview(history)
    last = found["dates"][-1]
    frame = history.frame(dt.date.fromisoformat(last["as_of"]))
    labels = history.labels(frame, known_until(history.register))
    assert last["events"] == int(np.nansum(labels.event))
    assert last["rate"] == pytest.approx(last["events"] / int(labels.labelled.sum()))
    assert [row["as_of"] for row in found["dates"]] == sorted(row["as_of"] for row in found["dates"])
    shares = [row["share"] for row in found["missing"]]
    assert shares == sorted(shares, reverse=True)
    name, share = found["missing"][0]["feature"], shares[0]
    assert share == pytest.approx(np.isnan(frame.columns((name,))).mean())


def test_the_card_tells_it(history: History) -> None:
    text = data_card(overview(history))
    assert "合成数据" in text
    assert f"{len(history.register):,} 户" in text
    assert "指标 indicators | 0 | 0 | — |" in text


def test_the_command_writes_it(county_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "card.md"
    run = CliRunner().invoke(app, ["datacard", "--register", str(county_folder), "--home", str(tmp_path), "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert out.read_text(encoding="utf-8").startswith("# 数据卡")
