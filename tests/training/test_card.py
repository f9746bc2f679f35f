"""The model card says who chose the tiers, who put the model into service, and how it did from year to year."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features.errors import UserError
from features.policy.registry import Policy
from features.register import Register
from models import pointer
from models.bundle import load
from models.tiers import TOP_SHARES
from training.answer_files import made_from
from training.card import NOBODY, model_card
from training.cli import app
from training.commands.backtesting import write
from training.commands.fitting import fit_and_register
from training.county import Judged, Tiers
from training.dataset import History
from training.findings import Findings, findings, read_findings
from training.fit import DEFAULTS, Settings
from training.origins import origins
from training.rolling import roll
from training.tracking import CHALLENGER, Tracker

QUICK = Settings(seeds=1, most_rounds=40, leaf_rows=40, threads=1)
CHOSEN = Tiers((0.02, 0.04, 0.2), "县监测中心，2026年11月：每周可走访 500 户")
RUN = CliRunner()


@pytest.fixture(scope="module")
def found(county: Register, policy: Policy) -> Findings:
    history = History(county, policy, kept={})
    answers = roll(history, origins(history, most=2), settings=QUICK, force=True)
    return findings(answers, per_town=20, resamples=20, made=made_from(history, QUICK, 6))


def test_nobody_chose_the_defaults_and_the_card_says_so(judged: Judged) -> None:
    text = model_card(judged.bundle.card, judged.bundle.version)
    assert NOBODY in text
    assert "前 1/5/10 %" in text
    assert "not in service" in text
    older = {key: value for key, value in judged.bundle.card.items() if key != "tiers"}
    assert NOBODY in model_card(older, "older")


def test_tiers_of_ones_own_need_a_name_and_rise() -> None:
    with pytest.raises(UserError, match="--tiers-by"):
        Tiers((0.02, 0.04, 0.2))
    for wrong in ((0.0, 0.1, 0.2), (0.1, 0.05, 0.2), (0.1, 0.5, 1.0)):
        with pytest.raises(UserError, match="rising"):
            Tiers(wrong, "x")
    assert Tiers(TOP_SHARES).by == ""


def test_chosen_tiers_are_kept_through_retraining_and_promotion(
    county: Register, county_folder: Path, policy: Policy, tmp_path: Path
) -> None:
    searched = replace(QUICK, leaf_rows=55, leaves=4)
    first = fit_and_register(county, policy, tmp_path, name="falls_below", step=12, settings=searched, force=True, town=False, tiers=CHOSEN)
    own = ["--home", str(tmp_path)]
    promoted = RUN.invoke(app, ["promote", *own, "--override", "检验 a test", "--by", "李某 Li"])
    assert promoted.exit_code == 0, promoted.output
    assert pointer.read(tmp_path / "bundles").version == first.bundle.version
    card = RUN.invoke(app, ["card", *own, "--which", "champion"]).output
    assert CHOSEN.by in card
    assert "前 2/4/20 %" in card
    assert "李某 Li: 检验 a test" in card
    again = RUN.invoke(app, ["retrain", *own, "--register", str(county_folder), "--step", "12", "--force", "--no-town", "--seeds", "1"])
    assert again.exit_code == 0, again.output
    later = RUN.invoke(app, ["card", *own]).output
    assert CHOSEN.by in later
    assert "not in service" in later
    challenger = Tracker(tmp_path / "mlflow").version("falls_below", CHALLENGER)
    assert challenger is not None
    settings = load(challenger.folder).card["settings"]
    assert (settings["leaf_rows"], settings["leaves"]) == (55, 4)
    assert settings["shrink"] == DEFAULTS.shrink


def test_thresholds_lie_where_they_were_chosen(county: Register, policy: Policy, tmp_path: Path) -> None:
    def listed(tiers: Tiers) -> float:
        made = fit_and_register(county, policy, tmp_path, name="falls_below", step=12, settings=QUICK, force=True, town=False, tiers=tiers)
        return float((made.ours.rank >= made.bundle.thresholds.yellow_margin).mean())

    assert listed(Tiers((0.01, 0.05, 0.3), "x")) > 1.5 * listed(Tiers((0.01, 0.05, 0.1)))


def test_words_that_are_no_tiers_are_told(county_folder: Path, tmp_path: Path) -> None:
    own = ["train", "--register", str(county_folder), "--home", str(tmp_path)]
    for said in ("1,5", "a,b,c"):
        run = RUN.invoke(app, [*own, "--tiers", said])
        assert run.exit_code != 0
        assert "1,5,10" in str(run.exception)


def test_years_stand_in_the_card_and_another_countys_are_told(found: Findings, judged: Judged, tmp_path: Path) -> None:
    write(found, tmp_path)
    text = model_card(judged.bundle.card, judged.bundle.version, years=read_findings(tmp_path))
    years = text.split("## 逐年")[1].split("\n## ")[0]
    assert all(f"| {day} |" in years for day in found["capacity"]["by_origin"])
    assert "is of other" not in years
    other = model_card({**judged.bundle.card, "data_version": "another"}, "x", years=found)
    assert "of other: 数据 data." in other
    with pytest.raises(UserError, match="backtest county"):
        read_findings(tmp_path / "figures")
