"""The survey becomes a register: whatever the year's habits of writing, and nothing later than the interview's quarter is seen."""

import datetime as dt
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.accounts import SIGNS
from features.seen import Seen
from tests.training.adapters.indec import Habit, write_survey
from training.adapters.eph import LINE, Panel, national_medians, read_medians, read_panel
from training.adapters.eph_files import PanelError, quarter_number, quarter_text, read_survey, survey_files
from training.adapters.eph_register import quarter_end

FIRST, LAST = quarter_number("2004Q1"), quarter_number("2005Q4")


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    folder = tmp_path_factory.mktemp("eph")
    write_survey(folder, FIRST, LAST, households=25)
    return read_panel(folder)


@pytest.mark.parametrize(
    "habit",
    [
        Habit(gz=True),
        Habit(upper_name=True, lower_header=True),
        Habit(comma=True),
        Habit(trailing=True),
    ],
    ids=["gzipped", "other cases", "decimal comma", "one separator more"],
)
def test_files_are_read_alike_whatever_the_years_habits(panel: Panel, tmp_path: Path, habit: Habit) -> None:
    write_survey(tmp_path, FIRST, LAST, households=25, habit=habit)
    other = read_panel(tmp_path)
    assert (other.household == panel.household).all()
    np.testing.assert_array_equal(other.relative, panel.relative)
    np.testing.assert_array_equal(other.values, panel.values)


def test_household_codes_may_be_text(tmp_path: Path) -> None:
    write_survey(tmp_path, FIRST, FIRST, households=5, habit=Habit(text_codes=True))
    assert read_panel(tmp_path).household[0].startswith("TQRMN")


def test_a_column_that_a_year_lacks_is_missing_for_its_rows(tmp_path: Path) -> None:
    write_survey(tmp_path, FIRST, FIRST, households=5)
    write_survey(tmp_path, FIRST + 1, FIRST + 1, households=5, habit=Habit(without=("PP07H", "II8")))
    rows = read_survey(tmp_path)
    assert rows.households.groupby("quarter")["II8"].apply(lambda cells: cells.isna().all()).tolist() == [False, True]
    assert rows.persons.groupby("quarter")["PP07H"].apply(lambda cells: cells.isna().all()).tolist() == [False, True]


def test_a_file_without_income_is_refused_by_name(tmp_path: Path) -> None:
    write_survey(tmp_path, FIRST, FIRST, households=5, habit=Habit(without=("ITF",)))
    with pytest.raises(PanelError, match=r"usu_hogar_t104\.txt 缺少列 lacks the columns.*ITF"):
        read_survey(tmp_path)


def test_lines_that_do_not_fit_the_header_are_not_lost_in_silence(tmp_path: Path) -> None:
    write_survey(tmp_path, FIRST, FIRST, households=5)
    path = tmp_path / "usu_hogar_t104.txt"
    path.write_text(path.read_text() + "1;2;3\n" * 5)
    with pytest.raises(PanelError, match="5 of"):
        read_survey(tmp_path)


@pytest.mark.parametrize("content", [b"no archive", gzip.compress(b"CODUSU" * 1000)[:-20]], ids=["none", "broken off"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    write_survey(tmp_path, FIRST, FIRST, households=5, habit=Habit(gz=True))
    (tmp_path / "usu_individual_t104.txt.gz").write_bytes(content)
    with pytest.raises(PanelError, match=r"usu_individual_t104\.txt\.gz 无法读取 cannot be read"):
        read_survey(tmp_path)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_a_file_of_no_rows_has_none_however_it_ends(tmp_path: Path, ending: str) -> None:
    write_survey(tmp_path, FIRST, FIRST + 1, households=5)
    path = tmp_path / "usu_hogar_t104.txt"
    path.write_bytes(path.read_bytes().splitlines()[0] + ending.encode())
    assert set(read_panel(tmp_path).quarter) == {FIRST + 1}


def test_a_quarter_in_which_nobody_told_an_income_puts_nobody_at_risk(tmp_path: Path) -> None:
    write_survey(tmp_path, FIRST, FIRST + 1, households=5)
    path = tmp_path / "usu_hogar_t104.txt"
    rows = pd.read_csv(path, sep=";", dtype=str)
    rows.assign(ITF="-9").to_csv(path, sep=";", index=False)
    panel = read_panel(tmp_path)
    assert not panel.at_risk[panel.quarter == FIRST].any()
    assert panel.at_risk[panel.quarter == FIRST + 1].any()
    assert panel.matrix(panel.at_risk).shape[0] == panel.at_risk.sum()


@pytest.mark.parametrize("row", ["2004Q1,abc", "2004Q1,0", "2004Q1,-5", "2004Q1,", "2004Q1,inf", "2004Q1,1,2\n2004Q2,1,2,3"])
def test_medians_that_are_none_are_refused(tmp_path: Path, row: str) -> None:
    path = tmp_path / "medians.csv"
    path.write_text(f"quarter,median_income_per_head\n{row}\n")
    with pytest.raises(PanelError, match=r"medians\.csv"):
        read_medians(path)


def test_a_folder_without_a_pair_of_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "usu_hogar_t104.txt").write_text("CODUSU\n")
    with pytest.raises(PanelError, match="no pair"):
        survey_files(tmp_path)


def test_refused_interviews_domestic_staff_and_unanswered_incomes_do_not_count(tmp_path: Path) -> None:
    write_survey(tmp_path, FIRST, FIRST, households=6)
    path = tmp_path / "usu_hogar_t104.txt"
    header, *lines = path.read_text().splitlines()
    place = {name: j for j, name in enumerate(header.split(";"))}
    rows = [line.split(";") for line in lines]
    rows[0][place["REALIZADA"]] = "0"
    rows[1][place["NRO_HOGAR"]] = "71"
    rows[2][place["DECIFR"]] = "12"
    rows[3][place["ITF"]] = "-9"
    path.write_text("\n".join([header, *(";".join(row) for row in rows)]) + "\n")
    homes = read_survey(tmp_path).households
    assert len(homes) == len(lines) - 2
    assert homes["ITF"].isna().sum() == 2


def test_medians_are_weighted_by_persons_and_a_given_one_goes_before(tmp_path: Path) -> None:
    write_survey(tmp_path, FIRST, FIRST + 1, households=30)
    survey = read_survey(tmp_path)
    rows = survey.households[survey.households["quarter"] == FIRST]
    people = np.repeat(rows["ITF"] / rows["IX_TOT"], (rows["PONDERA"] * rows["IX_TOT"]).astype(int))
    assert national_medians(survey)[FIRST] == pytest.approx(float(np.median(people)), rel=0.01)
    given = tmp_path / "medians.csv"
    given.write_text("quarter,median_income_per_head\n2004Q1,123.5\n")
    assert read_medians(given) == {FIRST: 123.5}
    panel = read_panel(tmp_path, given)
    assert panel.medians[FIRST] == 123.5
    assert panel.medians[FIRST + 1] == national_medians(survey)[FIRST + 1]


def test_outcomes_link_the_household_to_itself_four_quarters_later(panel: Panel) -> None:
    incomes = pd.Series(panel.relative, index=pd.MultiIndex.from_arrays([panel.household, panel.quarter]))
    for row in range(0, len(panel.household), 7):
        expected = incomes.get((panel.household[row], panel.quarter[row] + 4), np.nan)
        np.testing.assert_equal(panel.later(4)[row], expected)


def test_net_income_and_line_of_the_register_give_the_surveys_relative_income(panel: Panel) -> None:
    wanted = np.zeros(len(panel.code), dtype=bool)
    wanted[panel.later(-1) != panel.later(-1)] = True  # first interviews and those a year later
    for register, rows in panel.parts(wanted):
        seen = Seen(register, quarter_end(FIRST + 2), panel.policy)
        there = rows[panel.quarter[rows] == FIRST + 2]
        there = there[np.isnan(panel.later(-1)[there]) & np.isnan(panel.later(-4)[there])]
        position = np.searchsorted(register.household_id, panel.household[there])
        with np.errstate(invalid="ignore"):
            ratio = seen.accounts.by_source @ SIGNS / seen.size / seen.lines[0] * LINE
        np.testing.assert_allclose(ratio[position], panel.relative[there])


def test_later_interviews_change_no_feature_of_an_earlier_quarter(tmp_path: Path, panel: Panel) -> None:
    until = FIRST + 4
    write_survey(tmp_path, FIRST, LAST, households=25, only=set(range(FIRST, until + 1)))
    known_then = read_panel(tmp_path)
    first, second = panel.quarter == until, known_then.quarter == until
    assert (panel.household[first] == known_then.household[second]).all()
    assert panel.features == known_then.features
    np.testing.assert_array_equal(panel.matrix(first), known_then.matrix(second))


def test_members_who_are_not_found_again_have_left(tmp_path: Path) -> None:
    write_survey(tmp_path, FIRST, FIRST + 1, households=8)
    path = tmp_path / "usu_individual_t204.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if line.split(";")[2] != "2") + "\n")
    panel = read_panel(tmp_path)
    both = np.flatnonzero((panel.later(-1) > 0) & (panel.survey.households["IX_TOT"].to_numpy() > 1))
    wanted = np.ones(len(panel.code), dtype=bool)
    register, _ = next(iter(panel.parts(wanted)))
    present = Seen(register, quarter_end(FIRST + 1), panel.policy).people.count
    position = np.searchsorted(register.household_id, panel.household[both])
    assert len(both)
    np.testing.assert_array_equal(present[position], panel.survey.households["IX_TOT"].to_numpy()[both] - 1)


def test_sex_birthplace_and_marital_status_are_no_indicators(panel: Panel) -> None:
    names = {indicator.name for indicator in panel.indicators}
    assert not {name for name in names if any(word in name for word in ("sex", "female", "women", "birth", "married", "widow"))}
    assert len(names) == len(panel.indicators)


def test_quarters_are_named_and_numbered() -> None:
    assert quarter_text(quarter_number("2010q1")) == "2010Q1"
    assert quarter_end(quarter_number("2010Q1")) == dt.date(2010, 3, 31)
    with pytest.raises(PanelError, match="is no quarter"):
        quarter_number("2010-03")
