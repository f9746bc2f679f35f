"""Rolling origins: what is left out stays out, what is counted is right, and the report says it first."""

import datetime as dt
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from features.errors import UserError
from features.policy.registry import Policy
from features.register import Register
from training.answer_files import FILE, read_answers, write_answers
from training.audition import audition
from training.capacity import lead_time, listed, worth
from training.cli import app
from training.contestants import Answer, field
from training.county_report import page, report
from training.dataset import Dataset, History
from training.evaluate import calibration, rank_auc
from training.findings import findings, headline
from training.fit import Fitted, Settings
from training.origins import origins
from training.resample import draws
from training.rolling import FITTED, NEW_HOUSEHOLD, NEW_TOWN, Answers, roll
from training.splits import Split, TooLittleError
from training.standing import ALL, decay, deciles, standing, truth_of_claims
from training.tracking import Tracker

QUICK = Settings(seeds=1, most_rounds=40, leaf_rows=40, threads=1)
Rolled = tuple[Answers, list[Dataset]]


@pytest.fixture(scope="session")
def history(county: Register, policy: Policy) -> History:
    return History(county, policy, kept={})


@pytest.fixture(scope="session")
def rolled(history: History) -> Rolled:
    fitted_on: list[Dataset] = []

    def watched(rows: Dataset, fitted: Fitted, threads: int) -> dict[str, Answer]:
        fitted_on.append(rows)
        return field(rows, fitted, threads)

    splits = origins(history, most=3, every=6)
    return roll(history, splits, settings=QUICK, force=True, field_of=watched), fitted_on


def made(rank: list[float], y: list[float], **more: list[float]) -> Answers:
    """Answers of one origin in one town, unless told otherwise."""
    n = len(rank)
    nought = np.zeros(n, dtype=np.int32)
    values = np.array(rank, dtype=float)
    split = Split((dt.date(2018, 12, 31),), dt.date(2019, 12, 31), dt.date(2020, 12, 31))
    columns = {"origin": nought, "age": nought, "town": nought, "seen": nought, "household": np.arange(n, dtype=np.int32)}
    columns |= {name: np.array(column, dtype=np.int32) for name, column in more.items() if name in columns}
    return Answers(
        (split, replace(split, test=dt.date(2021, 12, 31))),
        tuple(f"h{i:03d}" for i in range(int(columns["household"].max()) + 1)),
        ("520523901", "520523902"),
        **columns,
        y=np.array(y, dtype=float),
        helped=np.zeros(n, dtype=bool),
        edge=np.zeros(n, dtype=bool),
        lead=np.array(more.get("lead", [np.nan] * n), dtype=float),
        groups={},
        rank={"ours": values, "income": -values},
        probability={"ours": 1 / (1 + np.exp(-values)), "income": 1 / (1 + np.exp(values))},
    )


def test_origins_rise_by_half_years_and_none_learns_from_what_came_after(history: History) -> None:
    found = origins(history, most=4, every=6)
    for before, after in pairwise(found):
        assert (after.test - before.test).days in range(180, 186)
    assert all((split.test - split.calibrate).days >= 365 and (split.calibrate - split.fit[-1]).days >= 365 for split in found)


def test_a_register_without_room_for_one_origin_says_so(history: History) -> None:
    with pytest.raises(TooLittleError, match="37"):
        origins(history, test=dt.date(2018, 3, 31))


def test_what_is_called_unseen_was_never_fitted_on(rolled: Rolled, history: History) -> None:
    answers, fitted_on = rolled
    towns = np.array([code[:9] for code in history.register.texts["households", "village_code"]])
    assert len(fitted_on) == len(answers.origins)
    for number, rows in enumerate(fitted_on):
        here = answers.fresh & (answers.origin == number)
        seen = set(rows.household.tolist())
        for kind in (NEW_HOUSEHOLD, NEW_TOWN):
            assert not seen & set(answers.household[here & (answers.seen == kind)].tolist())
        left_out = set(np.array(answers.towns)[answers.town[here & (answers.seen == NEW_TOWN)]].tolist())
        assert len(left_out) == 1
        assert not left_out & set(towns[rows.village].tolist())
        assert (here & (answers.seen == FITTED)).sum() > (here & (answers.seen == NEW_HOUSEHOLD)).sum() > 0
    assert len({tuple(np.unique(answers.town[(answers.seen == NEW_TOWN) & (answers.origin == k)])) for k in range(len(fitted_on))}) > 1


def test_old_fits_answer_for_the_same_days_as_fresh_ones(rolled: Rolled) -> None:
    answers, _ = rolled
    old = answers.select((answers.origin == 0) & (answers.age == 12))
    fresh = answers.select(answers.fresh & (answers.origin == 2))
    assert answers.origins[2].test == dt.date(answers.origins[0].test.year + 1, answers.origins[0].test.month, answers.origins[0].test.day)
    assert old.household.tolist() == fresh.household.tolist()
    assert old.y.tolist() == fresh.y.tolist()
    assert not np.array_equal(old.rank["ours"], fresh.rank["ours"])


def test_a_list_takes_the_first_of_every_township_and_ties_go_by_pseudonym() -> None:
    answers = made([3, 1, 2, 2, 9, 8], [0] * 6, town=[0, 0, 0, 0, 1, 1], household=[0, 1, 3, 2, 4, 5])
    assert listed(answers, "ours", 2).tolist() == [True, False, False, True, True, True]
    assert listed(answers, "ours", 100).all()


def test_worth_is_counted_as_by_hand() -> None:
    answers = made([4, 3, 2, 1], [1, 0, 1, 0])
    lists = {model: listed(answers, model, 2) for model in answers.contestants}
    found = worth(answers, lists, draws(4, 50))
    assert (found.visits, found.events) == (2, 2)
    assert found.value("ours", "precision")["value"] == pytest.approx(0.5)
    assert found.value("ours", "recall")["value"] == pytest.approx(0.5)
    assert found.value("ours", "lift")["value"] == pytest.approx(1.0)
    perfect = worth(made([4, 1, 3, 0], [1, 0, 1, 0]), {"ours": np.array([True, False, True, False])}, draws(4, 50))
    assert perfect.value("ours", "recall")["value"] == pytest.approx(1.0)


def test_intervals_widen_where_households_are_few() -> None:
    rng = np.random.default_rng(0)

    def width(n: int) -> float:
        y = (rng.random(n) < 0.2).astype(float)
        answers = made((y + rng.normal(0, 1, n)).tolist(), y.tolist())
        row = worth(answers, {"ours": listed(answers, "ours", n // 5)}, draws(n)).value("ours", "precision")
        return float(row["high"] - row["low"])

    assert width(200) > 2 * width(3200)


def test_lead_time_counts_only_falls_that_were_listed_and_shown() -> None:
    answers = made([5, 4, 3, 2], [1, 1, 0, 1], lead=[3, 12, np.nan, np.nan])
    told = lead_time(answers, np.array([True, True, True, True]))
    assert told == {"found": 3, "shown": 2, "lower": 5.25, "median": 7.5, "upper": 9.75, "half_a_year": 0.5}
    assert lead_time(answers, np.array([False, False, True, True]))["median"] is None


def test_lead_times_come_only_with_falls(rolled: Rolled) -> None:
    answers, _ = rolled
    assert np.isnan(answers.lead[answers.y == 0]).all()
    shown = answers.lead[answers.fresh & (answers.y > 0)]
    assert np.nanmin(shown) >= 3
    assert np.isfinite(shown).mean() > 0.8  # nearly every fall shows within a year and a half


def test_standing_over_all_origins_is_the_mean_of_the_origins(rolled: Rolled) -> None:
    answers, _ = rolled
    metrics, paired = standing(answers, draws(len(answers.household_id), 20))
    auc = {row["origin"]: row["value"] for row in metrics if (row["model"], row["segment"], row["metric"]) == ("ours", ALL, "auc")}
    days = [split.test.isoformat() for split in answers.origins]
    assert auc[""] == pytest.approx(np.mean([auc[day] for day in days]))
    here = answers.fresh & (answers.origin == 1)
    assert auc[days[1]] == pytest.approx(rank_auc(answers.y[here], answers.rank["ours"][here]))
    gap = next(r for r in paired if (r["baseline"], r["segment"], r["metric"], r["origin"]) == ("income", ALL, "auc", ""))
    income = next(r for r in metrics if (r["model"], r["segment"], r["metric"], r["origin"]) == ("income", ALL, "auc", ""))
    assert gap["value"] == pytest.approx(auc[""] - income["value"])


def test_claims_in_bins_have_the_slope_of_single_claims(rolled: Rolled) -> None:
    answers, _ = rolled
    rows = truth_of_claims(answers, draws(len(answers.household_id), 20))
    here = answers.fresh & (answers.origin == 0)
    exact = calibration(answers.y[here], answers.probability["ours"][here], answers.household[here], resamples=20)
    day = answers.origins[0].test.isoformat()
    for metric in ("observed_expected", "slope"):
        binned = next(r["value"] for r in rows if (r["origin"], r["metric"]) == (day, metric))
        assert binned == pytest.approx(next(r["value"] for r in exact if r["metric"] == metric), abs=5e-3)
    assert sum(d["n"] for d in deciles(answers)) == answers.fresh.sum()


def test_an_old_fit_that_ranks_worse_shows_as_decay() -> None:
    rng = np.random.default_rng(1)
    n = 400
    y = (rng.random(n) < 0.2).astype(float)
    rank = [*rng.normal(0, 1, n).tolist(), *(2 * y + rng.normal(0, 1, n)).tolist()]
    days: dict[str, list[float]] = {"origin": [0] * n + [1] * n, "age": [12] * n + [0] * n, "household": [*range(n), *range(n)]}
    answers = made(rank, [*y.tolist(), *y.tolist()], **days)
    found = {row["metric"]: row for row in decay(answers, draws(n, 50), 40)}
    assert found["auc"]["high"] < -0.1
    assert found["precision"]["value"] < 0
    assert found["auc"]["days"] == 1


def test_an_audition_needs_two_origins_and_prefers_the_rule_that_regretted_least() -> None:
    with pytest.raises(ValueError, match="two origins"):
        audition({"a": np.array([0.1])})
    # the best of the last origin is always the worst of the next; the steady one is never far off
    played = audition({"up": np.array([0.9, 0.1, 0.9, 0.1]), "down": np.array([0.1, 0.9, 0.1, 0.9]), "steady": np.array([0.8] * 4)})
    assert played.next_regret[played.rule] == played.next_regret["steadiest"] < 0.4
    assert played.next_regret["best_now"] == pytest.approx(0.8)
    assert played.picked["steadiest"] == ("up", "steady", "steady")


def test_the_first_line_says_whether_it_is_worth_using() -> None:
    row = {"baseline": "income", "metric": "precision", "value": -0.05, "low": -0.08, "high": -0.02}
    better = row | {"baseline": "logistic", "value": 0.1, "low": 0.05, "high": 0.2}
    assert "do not use" in headline([row, better], 50)
    assert "Not shown" in headline([row | {"high": 0.01}, better], 50)
    assert "Beats" in headline([better], 50)


def test_the_report_leads_with_the_headline_and_stands_alone(rolled: Rolled) -> None:
    answers, _ = rolled
    found = findings(answers, per_town=20, resamples=20)
    text = report(found)
    assert text.splitlines()[0] == f"# {found['headline']}"
    for name in ("village rate", "points rule", "logistic", "LightGBM", "income"):
        assert name in text
    html = page(found)
    assert "src=" not in html.split("<body>")[1]
    assert html.count('Plotly.newPlot("') >= 3
    json.dumps(found, allow_nan=False)


def test_the_command_writes_report_and_answers(county_folder: Path, tmp_path: Path) -> None:
    arguments = ["backtest", "county", "--register", str(county_folder), "--home", str(tmp_path), "--out", str(tmp_path / "out")]
    few = CliRunner().invoke(app, [*arguments, "--origins", "2", "--seeds", "1", "--resamples", "20"])
    assert few.exit_code != 0
    assert "200" in str(few.exception)  # too few events is an answer, not a crash
    run = CliRunner().invoke(app, [*arguments, "--origins", "2", "--seeds", "1", "--resamples", "20", "--force", "--per-town", "20"])
    assert run.exit_code == 0, run.output
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"report.md", "report.html", "findings.json", "figures", "answers.parquet"}
    kept, made_of = read_answers(tmp_path / "out" / FILE)
    assert made_of["outcome"] == "falls_below"
    assert len(kept) > 1000
    runs = Tracker(tmp_path / "mlflow")
    assert runs.version("falls_below", "challenger") is None  # a back-test registers nothing


def test_answers_are_read_as_they_were_written(rolled: Rolled, tmp_path: Path) -> None:
    answers, _ = rolled
    write_answers(answers, tmp_path / FILE, {"data_version": "x"})
    again, made_of = read_answers(tmp_path / FILE)
    assert made_of == {"data_version": "x"}
    for name in Answers.__dataclass_fields__:
        before, after = getattr(answers, name), getattr(again, name)
        if isinstance(before, dict):
            assert list(before) == list(after)
            assert all(np.array_equal(before[key], after[key], equal_nan=before[key].dtype.kind == "f") for key in before)
        elif isinstance(before, np.ndarray):
            assert np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
            assert before.dtype == after.dtype
        else:
            assert before == after


def test_another_file_holds_no_answers(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    for path in (tmp_path / "other.parquet", tmp_path / "none.parquet"):
        with pytest.raises(UserError, match=path.name):
            read_answers(path)
