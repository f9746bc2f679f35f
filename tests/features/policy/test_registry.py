"""Dated lines by region: inheritance, the explicit null, and how long a value holds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import get_args

import pytest

from features.errors import PolicyError
from features.policy import shipped
from features.policy.language import Grade
from features.policy.reference import in_force
from features.policy.registry import Lines, Parameter, Policy, Value
from features.policy.rules import Bounds
from features.policy.shipped import load, read


def parameters(carry: int = 0, **regions: list[tuple[int, float | None]]) -> Policy:
    values = {
        region.lstrip("_"): tuple(Value(dt.date(year, 1, 1), value, "test", "sourced") for year, value in entries)
        for region, entries in regions.items()
    }
    return Policy([Parameter("line", "线", "line", "yuan", carry, values)])


def on(year: int, month: int = 6) -> dt.date:
    return dt.date(year, month, 15)


def test_absence_inherits_from_the_province_then_the_nation() -> None:
    policy = parameters(CN=[(2020, 6000.0)], _52=[(2020, 6500.0)], _520523=[(2020, 7000.0)])
    assert policy.value("line", on(2020), "520523100001") == 7000
    assert policy.value("line", on(2020), "520524") == 6500
    assert policy.value("line", on(2020), "611025") == 6000
    assert policy.value("line", on(2020), "") == 6000


def test_an_explicit_null_overrides_what_the_nation_says() -> None:
    policy = parameters(CN=[(2020, 6000.0)], _61=[(2020, None)])
    assert policy.value("line", on(2020), "611025") is None
    assert policy.value("line", on(2020), "520523") == 6000


def test_an_explicit_null_does_not_end_with_its_year() -> None:
    policy = parameters(CN=[(2020, 6000.0), (2021, 6400.0)], _61=[(2020, None)])
    assert policy.value("line", on(2021), "611025") is None
    assert policy.value("line", on(2021), "520523") == 6400


def test_a_value_does_not_outlive_its_year_unless_it_may_be_carried() -> None:
    assert parameters(CN=[(2020, 6000.0)]).value("line", on(2020, 12), "") == 6000
    assert parameters(CN=[(2020, 6000.0)]).value("line", on(2021, 1), "") is None
    carried = parameters(2, CN=[(2020, 6000.0)])
    assert carried.value("line", on(2022), "") == 6000
    assert carried.value("line", on(2023), "") is None


def test_a_value_holds_from_its_first_day() -> None:
    policy = parameters(CN=[(2020, 6000.0), (2021, 6400.0)])
    assert policy.value("line", dt.date(2020, 12, 31), "") == 6000
    assert policy.value("line", dt.date(2021, 1, 1), "") == 6400
    assert policy.value("line", dt.date(2019, 12, 31), "") is None


def test_the_region_that_states_a_value_is_told() -> None:
    found = parameters(CN=[(2020, 6000.0)], _52=[(2020, 6500.0)]).find("line", on(2020), "520523")
    assert found is not None
    assert (found[0], found[1].value) == ("52", 6500.0)


def test_an_unknown_parameter_is_an_error_and_not_a_missing_value() -> None:
    with pytest.raises(PolicyError, match="there are line"):
        parameters(CN=[]).value("lime", on(2020), "")


@pytest.mark.parametrize(
    ("date", "region", "lines"),
    [
        (dt.date(2020, 12, 31), "520523", Lines(4000, 6000)),
        (dt.date(2021, 6, 30), "520523", Lines(4000, 6000)),
        (dt.date(2023, 6, 30), "520523", Lines(7300 * 2 / 3, 7300)),
        (dt.date(2023, 6, 30), "611025", Lines(None, None)),
        (dt.date(2020, 6, 30), "611025", Lines(4000, None)),
        (dt.date(2021, 6, 30), "610827", Lines(None, None)),
        (dt.date(2021, 6, 30), "450422", Lines(None, None)),
        (dt.date(2024, 6, 30), "360821", Lines(8500 * 2 / 3, 8500)),
        (dt.date(2024, 6, 30), "530000", Lines(8700 * 2 / 3, 8700)),
        (dt.date(2019, 6, 30), "520523", Lines(3218, None)),
    ],
)
def test_real_lines_are_those_of_the_sources_and_unknown_where_no_source_speaks(date: dt.date, region: str, lines: Lines) -> None:
    assert load().lines(date, region) == lines


def test_synthetic_lines_are_complete_and_marked() -> None:
    policy = load(synthetic=True)
    assert policy.version.startswith("synthetic-")
    for year in range(2016, 2026):
        lines = policy.lines(on(year), "520523")
        assert lines.monitoring is not None
        assert lines.poverty == lines.monitoring * 2 / 3
    assert {value.grade for values in policy.parameters["monitoring_line"].values.values() for value in values} == {"synthetic"}
    assert load().version != policy.version


def test_every_shipped_value_has_a_reference_and_a_grade() -> None:
    for policy in (load(), load(synthetic=True)):
        for parameter in policy.parameters.values():
            assert parameter.zh
            assert parameter.unit
            for values in parameter.values.values():
                assert all(value.reference and value.grade in get_args(Grade) for value in values)


def test_all_faults_of_the_files_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.yaml").write_text("zh: 线\nen: line\nunit: yuan\nvalues:\n  CN:\n    - {from: 2020-01-01, value: many, grade: odd}\n")
    (tmp_path / "two.yaml").write_text("zh: 线\ncolour: red\nvalues: {}\n")
    monkeypatch.setattr(shipped, "PARAMETERS", tmp_path)
    with pytest.raises(PolicyError) as caught:
        read()
    for expected in (
        "one.yaml:6: values.CN.0.value: 内容不符 should be a valid number",
        "one.yaml:6: values.CN.0.reference: is missing",
        "one.yaml:6: values.CN.0.grade: 内容不符 should be",
        "two.yaml:1: unit: is missing",
        "two.yaml:2: colour: unknown entry",
    ):
        assert expected in str(caught.value)


def of_a_county(folder: Path, **values: str) -> Policy:
    """The shipped policy and a county's own values from 2014 on."""
    dated = "".join(
        f"  {name}:\n    - {{from: 2014-01-01, value: {value}, grade: synthetic, reference: 虚构}}\n" for name, value in values.items()
    )
    (folder / "520523.yaml").write_text(f'region: "520523"\nzh: 某县\nen: A county\nparameters:\n{dated}', encoding="utf-8")
    return read(counties=folder)


@pytest.mark.parametrize(("multiple", "line"), [("2", 3650.0), ("1.5", 7300 * 2 / 3), ("null", None)])
def test_the_line_that_follows_from_the_monitoring_line_goes_by_the_multiple_of_the_county(
    tmp_path: Path, multiple: str, line: float | None
) -> None:
    policy = of_a_county(tmp_path, monitoring_multiple=multiple)
    assert policy.lines(on(2023), "520523").poverty == line
    assert policy.lines(on(2020), "520523").poverty == 4000
    assert policy.lines(on(2023), "520524").poverty == 7300 * 2 / 3
    told = next(one for one in in_force(policy, on(2023), "520523")["parameters"] if one["name"] == "poverty_line")
    assert told["value"] == line
    if line is not None:
        assert told["reference"] == Bounds(policy, "520523", on(2023)).source("poverty_line")
        assert f"倍数 {multiple} " in told["reference"]
        assert "1_02_006" in told["reference"]


def test_what_is_so_many_times_another_is_no_less_than_it(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"520523\.yaml:6: .*0\.667: what is so many times another"):
        of_a_county(tmp_path, monitoring_multiple="0.667")
