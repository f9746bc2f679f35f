"""The synthetic county: the same whatever the blocks, readable, plausible, and honest about what was known when."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from features.complaints import CORRECT
from features.policy import shipped
from features.read import read_register
from features.seen import Seen
from features.tables import TABLES
from training.synth import preset
from training.synth.calibration import calibration
from training.synth.card import data_card
from training.synth.command import synth
from training.synth.evidence import Evidence
from training.synth.generate import Order, SynthError, generate
from training.synth.measurements import MEASURES
from training.synth.numbers import check_digit

ORDER = Order("jinsha", 2500, 2016, 2021, 7)
WRITTEN = [name for name in TABLES if name != "indicators"]


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jinsha")
    counts = generate(ORDER, folder, block=3000)
    return folder, counts


@pytest.fixture(scope="module")
def reading(county):
    return read_register(county[0], None)


def frame(folder, table):
    rows = pq.read_table(folder / table).to_pandas()
    return rows.assign(**{name: rows[name].astype(object) for name in rows.columns if isinstance(rows[name].dtype, pd.CategoricalDtype)})


def days(values):
    return pd.to_datetime(values)


def test_the_same_seed_gives_the_same_county_whatever_the_block_size_and_number_of_processes(tmp_path):
    order = Order("jinsha", 1200, 2019, 2021, 7)
    generate(order, tmp_path / "once", block=2000)
    generate(order, tmp_path / "again", block=1000, workers=2)
    for table in [*WRITTEN, "truth/windows", "truth/years"]:
        pd.testing.assert_frame_equal(frame(tmp_path / "once", table), frame(tmp_path / "again", table), obj=table)


def test_another_seed_gives_another_county(county, tmp_path):
    generate(Order("jinsha", 300, 2016, 2017, 8), tmp_path)
    first = frame(county[0], "incomes")["amount"].head(1000).to_numpy()
    assert not np.array_equal(first, frame(tmp_path, "incomes")["amount"].head(1000).to_numpy())


def test_more_households_leave_the_first_ones_as_they_were(tmp_path):
    generate(Order("zhenan", 40, 2016, 2018, 3), tmp_path / "few")
    generate(Order("zhenan", 90, 2016, 2018, 3), tmp_path / "many")
    few, many = frame(tmp_path / "few", "members"), frame(tmp_path / "many", "members")
    pd.testing.assert_frame_equal(few, many[many["household_id"].isin(set(few["household_id"]))].reset_index(drop=True))


def test_it_is_read_without_a_single_complaint(county, reading):
    assert CORRECT not in {problem.remedy for problem in reading.problems}  # no cell but can be read; dirt between cells is made up too
    assert reading.rows_left_out == {}
    assert reading.rows_read == county[1]
    info = reading.register.info
    assert (info.county, info.synthetic, info.known_until) == ("520523", True, dt.date(2021, 12, 31))
    assert len(reading.register) == ORDER.households


def test_truth_stands_beside_the_register_and_in_none_of_its_tables(county):
    folder, _ = county
    assert {path.name for path in folder.iterdir()} == {*WRITTEN, "register.yaml", "truth"}
    for table in WRITTEN:
        assert set(pq.read_table(folder / table).column_names) <= {column.name for column in TABLES[table].columns}


def test_nothing_is_known_before_it_happened_or_after_the_register_ends(county):
    happened = {
        "households": "valid_from", "members": "valid_from", "living": "valid_from", "debts": "valid_from", "employment": "start_date",
        "events": "occurred_on", "measures": "start_date", "benefits": "valid_from", "monitoring": "identified_on", "visits": "visited_on",
        "findings": "valid_from",
    }  # fmt: skip
    for table, column in happened.items():
        rows = frame(county[0], table)
        assert (days(rows["known_on"]) >= days(rows[column])).all(), table
        assert (days(rows["known_on"]) <= pd.Timestamp(2021, 12, 31)).all(), table
    incomes = frame(county[0], "incomes")
    assert (days(incomes["known_on"]) > days(incomes["period_end"] + "-01") + pd.offsets.MonthEnd(0)).all()
    work = frame(county[0], "employment").dropna(subset=["end_date"])
    assert (days(work["end_date"]) >= days(work["start_date"])).all()
    assert (days(work["known_on"]) >= days(work["end_date"])).all()


def test_incomes_are_mostly_known_within_six_weeks_and_some_much_later(county):
    incomes = frame(county[0], "incomes")
    wait = (days(incomes["known_on"]) - days(incomes["period_end"] + "-01")).dt.days
    assert 0.85 < (wait <= 31 + 45).mean() < 0.99
    assert (wait > 90).any()
    assert incomes["amount"].isna().any()


def test_every_household_that_lives_reports_every_quarter_but_few(county):
    asked = frame(county[0], "incomes").groupby("household_id")["period_start"].nunique()
    quarters = 6 * 4 - 1  # the last quarter's incomes are not known by the end of the year
    assert 0.95 < asked.sum() / (len(asked) * quarters) <= 1
    rows_a_year = len(frame(county[0], "incomes")) / ORDER.households / 6
    assert rows_a_year < 14


def test_numbers_can_belong_to_nobody(county):
    members = frame(county[0], "members")
    numbers = members["member_id"].unique()
    assert all(len(number) == 18 and number.startswith("990000") for number in numbers)
    assert all(check_digit(number[:17]) == number[17] for number in numbers)
    assert members.groupby("member_id")["household_id"].nunique().max() == 1
    assert frame(county[0], "households")["household_id"].str.fullmatch(r"990000-\d{7}").all()
    sexed = members.dropna(subset=["sex"])
    assert ((sexed["member_id"].str[16].astype(int) % 2 == 1) == (sexed["sex"] == "male")).all()
    assert (members["member_id"].str[6:10].astype(int) == members["birth_year"]).all()


def test_villages_are_made_up_within_the_county(county):
    codes = frame(county[0], "households")["village_code"]
    assert codes.str.fullmatch(r"5205239\d\d2\d\d").all()
    assert codes.str[:9].nunique() == 26


def test_of_children_under_fourteen_only_birth_year_school_and_insurance_are_held(county):
    members = frame(county[0], "members")
    child = members[days(members["valid_from"]).dt.year - members["birth_year"] < 14]
    assert len(child) > 100
    held = {
        "household_id",
        "member_id",
        "presence",
        "birth_year",
        "school_status",
        "dropped_out",
        "medical_insured",
        "valid_from",
        "known_on",
    }
    assert child.drop(columns=list(held)).isna().all(axis=None)
    assert child["medical_insured"].notna().all()


def test_nobody_is_identified_before_2020_and_few_afterwards(county):
    rows = frame(county[0], "monitoring")
    years = days(rows["identified_on"]).dt.year
    assert years.min() >= 2020
    yearly = rows["household_id"].nunique() / 2 * 25_000 / ORDER.households
    assert 5 < yearly < 130  # 20–60 expected; a few households here
    status = frame(county[0], "households").drop_duplicates("household_id").set_index("household_id")["registry_status"]
    wrong = {"unstable_exited": "ordinary", "edge_prone": "exited"}
    assert all(status[row.household_id] != wrong.get(row.category) for row in rows.itertuples())
    measures = frame(county[0], "measures")
    helped = set(measures["household_id"])
    assert set(rows.loc[days(rows["identified_on"]) < pd.Timestamp(2021, 9, 1), "household_id"]) <= helped


def test_households_and_weights_add_up_to_the_county(county):
    rows = frame(county[0], "households").drop_duplicates("household_id")
    exited = rows["registry_status"] == "exited"
    assert exited.mean() == pytest.approx(0.4)
    assert rows.loc[exited, "weight"].sum() == pytest.approx(23198, rel=0.001)
    assert rows.loc[~exited, "weight"].sum() == pytest.approx(158000 - 23198, rel=0.001)
    assert rows.loc[~exited, "relocated"].dropna().sum() == 0


def test_households_where_nobody_is_able_to_work_were_seldom_relocated(county):
    homes = frame(county[0], "households").drop_duplicates("household_id").set_index("household_id")
    members = frame(county[0], "members").drop_duplicates("member_id")
    opening = members[days(members["valid_from"]) == days(members["valid_from"]).min()]
    able = opening["labour_ability"].isin(["ordinary", "skilled"]).groupby(opening["household_id"]).any()
    small = homes[(homes["registry_status"] == "exited") & (homes["sharing_size"] <= 2)].join(able.rename("able"), how="inner")
    moved = small["relocated"].fillna(False).astype(bool).groupby(small["able"]).mean()
    assert 0 < moved[False] < 0.5 * moved[True]  # of one size: larger households are relocated rather anyway


def test_a_tiny_count_of_the_sample_stands_for_the_county_with_its_interval(county):
    evidence = Evidence(county[0])
    weight = frame(county[0], "households").drop_duplicates("household_id").set_index("household_id")["weight"]
    rows = frame(county[0], "monitoring").drop_duplicates("household_id")
    for measure, category in (("new_edge", "edge_prone"), ("new_unstable", "unstable_exited")):
        for year in (2019, 2020, 2021):
            found = MEASURES[measure](evidence, year)
            new = rows[(rows["category"] == category) & (days(rows["identified_on"]).dt.year == year)]
            assert found.value == pytest.approx(weight[new["household_id"]].sum())
            assert found.low <= found.value < found.high
    assert sum(MEASURES["new_edge"](evidence, year).value for year in (2020, 2021)) > 0


def test_lines_band_and_falls_have_the_right_size(county):
    evidence = Evidence(county[0])
    falls, band, from_band = evidence.falls()
    assert 0.012 < falls < 0.034
    assert 0.07 < band < 0.14
    assert 0.28 < from_band < 0.62


def test_income_seen_in_the_register_is_near_the_truth(county, reading):
    as_of = dt.date(2021, 3, 31)
    seen = Seen(reading.register, as_of, shipped.load(synthetic=True)).pc_net_income
    truth = frame(county[0], "truth/windows")
    real = truth[truth["as_of_month"] == "2020-12"].set_index("household_id")["pc_net_last_12"].reindex(reading.register.household_id)
    both = ~np.isnan(seen) & real.notna().to_numpy() & (real.to_numpy() > 0)
    ratio = seen[both] / real.to_numpy()[both]
    assert both.mean() > 0.95
    assert 0.95 < np.median(ratio) < 1.05
    assert 0.03 < np.std(np.log(np.clip(ratio, 0.2, 5))) < 0.4


def test_help_only_ever_raises_income_and_only_after_identification(county):
    truth = frame(county[0], "truth/windows").dropna(subset=["pc_net_next_12"])
    gain = truth["pc_net_next_12"] - truth["pc_net_next_12_untreated"]
    assert gain.min() > -0.1
    helped = set(truth.loc[gain > 1, "household_id"])
    assert helped
    assert helped <= set(frame(county[0], "monitoring")["household_id"])


def test_what_households_pay_lies_between_nothing_and_the_bill(county):
    bills = frame(county[0], "events")
    clean = bills[(bills["event_kind"] == "illness_bill")].dropna(subset=["amount", "oop_compliant"])
    assert (clean["oop_compliant"] >= 0).all()
    over = clean["oop_compliant"] > clean["amount"] + 0.2
    assert over.mean() < 0.01  # slips of a nought, put in as dirt


def test_of_fees_it_is_told_what_subsidies_paid_and_zhenan_pays_its_grant_from_2019(tmp_path):
    """6,000 yuan a student and year, as the county's report has it; help for vocational pupils everywhere, nobody else's fees."""
    told = {}
    for name in ("zhenan", "jinsha"):
        generate(Order(name, 1000, 2017, 2021, 3, 0.0), tmp_path / name)
        fees = frame(tmp_path / name, "events").query("event_kind == 'school_fee'").dropna(subset=["amount", "subsidy"])
        assert fees["subsidy"].between(0, fees["amount"]).all()
        status = frame(tmp_path / name, "households").drop_duplicates("household_id").set_index("household_id")["registry_status"]
        assert (fees.loc[fees["household_id"].map(status) == "ordinary", "subsidy"] == 0).all()
        told[name] = {
            kind: set(rows.loc[rows["subsidy"] < rows["amount"], "subsidy"])
            for kind, rows in fees.groupby(days(fees["occurred_on"]).dt.year)
        }
    assert [6000 in told["zhenan"][year] for year in (2017, 2018, 2019, 2020, 2021)] == [False, False, True, True, True]
    assert not any(6000 in amounts for amounts in told["jinsha"].values())
    assert all({0, 3000} <= amounts for amounts in told["jinsha"].values())
    assert frame(tmp_path / "jinsha", "events").query("event_kind != 'school_fee'")["subsidy"].isna().all()


def test_dirt_is_put_in_at_the_chosen_rate_and_none_at_zero(tmp_path):
    for rate in (0.0, 0.3):
        generate(Order("jinsha", 400, 2016, 2017, 1, rate), tmp_path / str(rate))
    heads = []
    for rate in (0.0, 0.3):
        members = frame(tmp_path / str(rate), "members").drop_duplicates("member_id")
        heads.append((members[members["relation_to_head"] == "head"].groupby("household_id").size() > 1).mean())
        assert read_register(tmp_path / str(rate), None).rows_left_out == {}
    assert heads[0] == 0
    assert heads[1] > 0.01
    assert len(frame(tmp_path / "0.3", "events")) > len(frame(tmp_path / "0.0", "events"))


def test_wrong_orders_are_refused_with_all_that_is_wrong(tmp_path):
    with pytest.raises(SynthError, match=r"(?s)at least 1.*2016.*dirt") as caught:
        generate(Order("jinsha", 0, 2010, 2012, 1, 0.9), tmp_path)
    assert caught.value.exit_code == 2
    with pytest.raises(preset.PresetError, match="atlantis"):
        generate(Order("atlantis", 10, 2016, 2018, 1), tmp_path)
    with pytest.raises(SynthError, match="1000"):
        generate(Order("jinsha", 10, 2016, 2018, 1), tmp_path, block=700)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SynthError, match=r"thesis\.txt"):
        generate(Order("jinsha", 10, 2016, 2018, 1), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_generating_again_replaces_the_earlier_register(tmp_path):
    generate(Order("jinsha", 50, 2016, 2017, 1), tmp_path)
    generate(Order("jinsha", 20, 2016, 2017, 1), tmp_path)
    assert frame(tmp_path, "households")["household_id"].nunique() == 20
    assert yaml.safe_load((tmp_path / "register.yaml").read_text())["households"] == 20


def test_the_calibration_table_names_every_target_and_the_card_shows_misses(county):
    evidence = Evidence(county[0])
    figures = calibration(evidence)
    assert len(figures) == len(preset.load("jinsha").get("targets"))
    sizes = [figure for figure in figures if "persons per exited household" in figure.text]
    assert sizes[0].simulated == pytest.approx(3.46, abs=0.15)
    beyond = [figure for figure in figures if figure.year is not None and figure.year > 2021]
    assert beyond
    assert all(np.isnan(figure.simulated) and not figure.passes for figure in beyond)
    text = data_card([evidence])
    assert "合成数据" in text
    assert text.count("**否 no**") == sum(not figure.passes for figure in figures)


def test_the_command_generates_a_county_and_says_what_comes_next(tmp_path):
    import typer

    app = typer.Typer()
    app.command()(synth)
    result = CliRunner().invoke(app, ["--county", "zhenan", "--households", "30", "--to", "2018", "--seed", "2", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "python -m training train" in result.output
    assert read_register(tmp_path, None).register.info.county == "611025"
