"""What the panel's model learns from, and that nobody who judges is learnt from."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.adapters.indec import write_survey
from training.adapters.eph import HORIZON, LINE, Panel, read_panel
from training.adapters.eph_files import quarter_number
from training.panel import dataset, informative, level_shift, log_odds, outcome_pairs, softened, training_pairs

FIRST, LAST = quarter_number("2004Q1"), quarter_number("2006Q4")


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    folder: Path = tmp_path_factory.mktemp("eph")
    write_survey(folder, FIRST, LAST, households=20)
    return read_panel(folder)


def test_outcomes_are_those_of_households_at_risk_one_year_on(panel: Panel) -> None:
    pairs = outcome_pairs(panel, panel.quarter <= LAST - HORIZON)
    assert len(pairs) > 100
    assert (panel.relative[pairs.row] >= LINE).all()
    np.testing.assert_array_equal(panel.later(HORIZON)[pairs.row], pairs.later)


def test_nothing_trains_that_became_known_after_the_last_training_outcome(panel: Panel) -> None:
    until = FIRST + 3
    nobody = np.zeros(len(panel.code), dtype=bool)
    pairs = training_pairs(panel, until, nobody)
    quarter = panel.quarter[pairs.row]
    assert quarter.max() == until
    assert (quarter + pairs.quarters).max() <= until + HORIZON
    assert set(pairs.quarters) == {1, 3, 4, 5}


def test_households_that_judge_are_shut_out_of_every_training_pair(panel: Panel) -> None:
    shut_out = panel.code % 2 == 0
    pairs = training_pairs(panel, LAST, shut_out)
    assert (panel.code[pairs.row] % 2 == 1).all()


def test_softening_keeps_which_side_of_the_line_an_outcome_lies_on() -> None:
    later = np.array([0.1, 0.45, 0.499, 0.501, 0.6, 3.0])
    assert ((softened(later, 0.1) > 0.5) == (later < LINE)).all()
    np.testing.assert_array_equal(softened(later, 0.0), (later < LINE).astype(float))
    assert (np.diff(softened(later, 0.1)) <= 0).all()


def test_columns_that_say_the_same_of_everybody_are_left_out(panel: Panel) -> None:
    pairs = outcome_pairs(panel, panel.quarter == FIRST + 4)
    wanted = np.zeros(len(panel.code), dtype=bool)
    wanted[pairs.row] = True
    rows = dataset(panel, pairs, panel.matrix(wanted))
    told = informative(rows)
    assert "chronic_members" in rows.names  # the survey has no illness
    assert "chronic_members" not in told.names
    assert "indicator.relative_income" in told.names
    np.testing.assert_array_equal(told.y, pairs.later < LINE)
    np.testing.assert_array_equal(told.edge, panel.relative[pairs.row] < 0.75)


def test_a_level_shift_brings_the_mean_claim_to_the_other_claims_mean() -> None:
    draw = np.random.default_rng(0)
    margin, claimed = draw.normal(-3, 1.5, 500), draw.uniform(0.05, 0.3, 500)
    moved = 1 / (1 + np.exp(-(margin + level_shift(margin, claimed))))
    assert moved.mean() == pytest.approx(claimed.mean(), abs=1e-9)
    np.testing.assert_allclose(log_odds(1 / (1 + np.exp(-margin))), margin)
