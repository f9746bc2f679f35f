"""The counties' presets: complete, with real area codes, and near the figures of their reports already at small size."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from features.complaints import CORRECT
from features.policy.reimbursement import schemes
from features.policy.shipped import load
from features.read import read_register
from training.synth import preset
from training.synth.calibration import calibration
from training.synth.evidence import Evidence
from training.synth.generate import Order, generate
from training.synth.measurements import MEASURES, averaged, counted

CODES = {"jinsha": "520523", "zhenan": "611025", "teng": "450422", "jian": "360821", "mizhi": "610827"}
LAST = {"teng": 2020, "jian": 2018, "mizhi": 2020}  # as far as the reports' figures reach
# Counts of rare things and what this project asks of 25,000 households are too noisy for a small county.
NOISY = {
    "relocated_households",
    "relocated_size",
    "new_edge",
    "new_unstable",
    "new_edge_size",
    "new_unstable_size",
    "dangerous_houses",
    "dangerous_exited",
}


@pytest.fixture(scope="module", params=sorted(LAST))
def evidence(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    generate(Order(request.param, 1200, 2016, LAST[request.param], 3), folder)
    return Evidence(folder)


def rows(evidence, table):
    return evidence.table(table).assign(household_id=lambda frame: frame["household_id"].astype(str))


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_preset_has_its_area_code_a_scheme_and_targets_that_can_be_measured(name):
    county = preset.load(name)
    assert county.county == CODES[name]
    assert all(scheme.grade == "calibrated" and scheme.reference for scheme in schemes(load(), county.county))
    for target in county.get("targets"):
        assert target["measure"] in MEASURES
        assert target["how"] in ("set", "emerged")
        assert len({"target", "range"} & set(target)) == 1


def test_all_presets_are_known():
    assert preset.available() == sorted(CODES)


def test_registers_are_read_without_complaint_and_villages_are_made_up(evidence):
    reading = read_register(evidence.folder, None)
    assert CORRECT not in {problem.remedy for problem in reading.problems}  # no cell but can be read; dirt between cells is made up too
    assert reading.rows_left_out == {}
    assert reading.register.info.county == evidence.preset.county
    villages = rows(evidence, "households")["village_code"].astype(str)
    assert villages.str.fullmatch(evidence.preset.county + r"9\d\d[23]\d\d").all()
    assert villages.str[:9].nunique() == evidence.preset.number("county.townships")
    assert rows(evidence, "households")["household_id"].str.startswith("990000-").all()


def test_figures_of_the_report_that_were_set_come_out_near(evidence):
    figures = calibration(evidence)
    targets = evidence.preset.get("targets")
    assert len(figures) == len(targets)
    for figure, target in zip(figures, targets, strict=True):
        of_the_report = figure.how == "set" and "[" in figure.source and target["measure"] not in {*NOISY, "villages"}
        if of_the_report:
            slack = max(0.25 * abs(figure.high + figure.low) / 2, figure.high - figure.low)
            assert figure.low - slack <= figure.simulated <= figure.high + slack, figure


def test_nobody_is_identified_before_2020(evidence):
    on = pd.to_datetime(rows(evidence, "monitoring")["identified_on"])
    assert (on >= pd.Timestamp(2020, 1, 1)).all()
    assert on.empty == (evidence.last < 2020)


def test_incomes_stand_around_the_lines_as_they_should(evidence):
    falls, band, _ = evidence.falls()
    assert 0.008 < falls < 0.035
    assert 0.06 < band < 0.14


def test_households_that_remain_poor_are_few_and_smaller(evidence):
    year = {"jian": 2016, "mizhi": 2019, "teng": 2019}[evidence.preset.name]
    once = evidence.year(year)[lambda frame: frame["exited"]]
    late = once["exit_year"] > year
    assert 0.02 < late.mean() < 0.25
    smaller = once.loc[~late, "persons"].mean() - once.loc[late, "persons"].mean()
    assert smaller > {"jian": 0.5, "mizhi": 0.4, "teng": -1.0}[evidence.preset.name]  # of Teng's the report says nothing


def test_incidence_is_a_status_on_file_and_not_an_income(tmp_path):
    generate(Order("zhenan", 3000, 2018, 2019, 3), tmp_path)
    zhenan = Evidence(tmp_path)
    homes = zhenan.homes[zhenan.homes["exited"]]
    poor = homes.index[homes["exit_year"] > 2018]
    rate = MEASURES["remaining_rate"](zhenan, 2018)
    assert rate == pytest.approx(0.0089, abs=0.002)  # so many were on file (ZA10)
    year = zhenan.year(2018)
    people = year["persons"] * year["weight"]
    assert people[year["household_id"].isin(poor)].sum() / people.sum() == pytest.approx(rate)
    assert people[year["pc_net"] < zhenan.plan_lines(2018)[0]].sum() / people.sum() > 2 * rate
    assert MEASURES["left_households"](zhenan, 2018) + homes["weight"][poor].sum() == pytest.approx(26050, rel=0.001)


def test_where_there_is_a_floor_whoever_is_still_poor_is_covered(evidence):
    first = int(evidence.preset.number("policy.floor_from"))
    for year in range(evidence.first, evidence.last + 1):
        poor = evidence.year(year)[lambda frame, year=year: frame["exited"] & (frame["exit_year"] >= year)]
        covered = (poor["dibao_persons"] + poor["supported"] > 0).mean() if len(poor) else 1.0
        assert covered == 1 if year >= first else covered < 0.95


def test_the_register_shows_every_grown_member_of_the_poor_on_dibao_where_there_is_a_floor(evidence):
    year = evidence.last
    poor = evidence.year(year)[lambda frame: frame["exited"] & (frame["exit_year"] >= year) & (frame["supported"] == 0)]
    members = rows(evidence, "members")
    members = members[pd.to_datetime(members["valid_from"]) <= pd.Timestamp(year, 3, 31)].drop_duplicates("member_id", keep="last")
    members = members[members["household_id"].isin(poor["household_id"]) & (members["presence"].astype(str) == "present")]
    flagged = members["dibao"].dropna().astype(bool).mean()
    assert (flagged > 0.9) == (year >= evidence.preset.number("policy.floor_from"))


def test_whoever_is_on_dibao_is_named_on_the_roll(evidence):
    for year in range(evidence.first, evidence.last + 1):
        truth = evidence.year(year)
        members = rows(evidence, "members")
        members = members[pd.to_datetime(members["valid_from"]) <= pd.Timestamp(year, 12, 31)].drop_duplicates("member_id", keep="last")
        members = members[members["presence"].astype(str) == "present"]
        named = members.loc[members["dibao"].eq(True), "household_id"].unique()
        on = truth["dibao_persons"] > 0
        assert truth.loc[on, "household_id"].isin(named).mean() > 0.97  # but for those whose last one on dibao went within the year
        assert truth.loc[~on, "household_id"].isin(named).mean() < 0.01


def test_cards_are_those_that_policy_gives_by_the_register(tmp_path):
    generate(Order("jian", 2000, 2016, 2018, 3), tmp_path)

    def shares():
        return {colour: MEASURES[f"card_{colour}"](Evidence(tmp_path), 2017) for colour in ("blue", "yellow", "red", "open")}

    before = shares()
    assert sum(before.values()) == pytest.approx(1)
    assert before["open"] < 0.02
    for part in (tmp_path / "members").glob("*.parquet"):  # nothing is known of dibao any more; the truth is as it was
        frame = pd.read_parquet(part)
        frame["dibao"] = pd.array([None] * len(frame), dtype="boolean")
        frame.to_parquet(part)
    after = shares()
    assert after["yellow"] == after["blue"] == 0
    assert after["red"] == before["red"]
    assert sum(after.values()) == pytest.approx(1)


def test_a_supplement_pays_only_where_the_county_has_one(evidence):
    years = evidence.years
    has = any(layer.name == "commercial" for scheme in schemes(load(), evidence.preset.county) for layer in scheme.layers)
    assert (years["claimed"].sum() > 0) == has
    assert not years.loc[~years["exited"], "claims"].any()
    assert (years["hospital_oop"] <= years["hospital_cost"] + 0.5).all()


def test_small_counts_bear_their_interval():
    few = counted(22, 2.0)
    assert (few.value, few.low, few.high) == (44, pytest.approx(27.6, abs=0.1), pytest.approx(66.6, abs=0.1))
    assert counted(0).low == 0
    sizes = averaged(pd.Series([3.0, 4.0, 5.0, 4.0]))
    assert sizes.low < sizes.value == 4 < sizes.high


def test_schemes_of_the_five_counties_reach_all_simulated_years():
    for code in CODES.values():
        assert schemes(load(), code)[0].start <= dt.date(2016, 1, 1)
    assert np.isfinite([schemes(load(), code)[0].outpatient_rate["registered"] for code in CODES.values()]).all()


@pytest.mark.parametrize(
    ("name", "year", "measure", "share"), [("jian", 2016, "hospital_residual", 0.065), ("jinsha", 2020, "medical_residual", 0.155)]
)
def test_what_the_registered_bear_of_their_bills_is_that_of_the_report(tmp_path, name, year, measure, share):
    generate(Order(name, 3000, 2016, max(year, 2017), 3), tmp_path / name)
    assert MEASURES[measure](Evidence(tmp_path / name), year) == pytest.approx(share, abs=0.01)
