"""Every kind of fault in a register folder is found, with its row, its column, why, and what to do."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import RegisterError
from features.quality.validate import validate, validate_workbook, write_problems
from features.read import read_register
from features.tables import TABLES
from features.template import write_workbook
from tests.features.generated import rows

HOUSEHOLD = {
    "household_id": "001",
    "village_code": "520523100001",
    "registry_status": "exited",
    "exit_year": 2018,
    "valid_from": "2020-01-01",
    "known_on": "2020-01-02",
}
MEMBER = {"household_id": "001", "member_id": "1", "birth_year": 1970, "valid_from": "2020-01-01", "known_on": "2020-01-02"}
INCOME = {
    "household_id": "001",
    "source": "wage",
    "period_start": "2021-01",
    "period_end": "2021-03",
    "amount": 3000.5,
    "known_on": "2021-04-10",
}
SPELL = {"household_id": "001", "member_id": "1", "start_date": "2021-01-01", "end_date": "2021-06-30", "known_on": "2021-07-01"}
BILL = {
    "household_id": "001",
    "event_id": "e1",
    "event_kind": "illness_bill",
    "occurred_on": "2021-05-01",
    "amount": 5000,
    "oop_compliant": 800,
    "known_on": "2021-05-20",
}
DECISION = {
    "household_id": "001",
    "category": "edge_prone",
    "identified_on": "2021-06-01",
    "eliminated_on": "2022-06-01",
    "known_on": "2022-06-02",
}
VISIT = {"household_id": "001", "visited_on": "2021-06-01", "reason": "list", "probability": 0.5, "found": "risk", "known_on": "2021-06-02"}
INDICATOR = {"household_id": "001", "name": "distance", "value": 1.5, "valid_from": "2021-01-01", "known_on": "2021-01-01"}
FINDING = {
    "household_id": "001",
    "finding": "private_car",
    "department": "公安交警",
    "found": "是",
    "valid_from": "2021-03-01",
    "known_on": "2021-03-05",
}
GOOD = {
    "households": HOUSEHOLD,
    "members": MEMBER,
    "incomes": INCOME,
    "employment": SPELL,
    "events": BILL,
    "monitoring": DECISION,
    "visits": VISIT,
    "findings": FINDING,
    "indicators": INDICATOR,
}


def write(folder: Path, **extra: list[dict[str, Any]]) -> Path:
    """A register of one good row a table and, behind it, the rows given, as CSV."""
    (folder / "register.yaml").write_text(
        "county: '520523'\nknown_until: 2022-12-31\nindicators:\n- {name: distance, zh: 通达时间}\n", encoding="utf-8"
    )
    for name, good in GOOD.items():
        made = [good, *extra.get(name, [])]
        columns = list(dict.fromkeys(column for row in made for column in row))
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(made)
    return folder


def test_a_register_in_order_has_no_problems(tmp_path: Path) -> None:
    assert validate(write(tmp_path)) == []


@pytest.mark.parametrize(
    ("table", "row", "column", "reason"),
    [
        ("households", HOUSEHOLD | {"registry_status": "rich"}, "registry_status", "is not a known code"),
        ("households", HOUSEHOLD | {"village_code": "52052310001"}, "village_code", "12 digits"),
        ("households", HOUSEHOLD | {"registry_status": "ordinary"}, "exit_year", "no exit year"),
        (
            "households",
            HOUSEHOLD | {"registry_status": "ordinary", "exit_year": "", "expected_exit_year": 2021},
            "expected_exit_year",
            "no expected",
        ),
        ("households", HOUSEHOLD | {"expected_exit_year": 2020.5, "known_on": "2020-02-02"}, "expected_exit_year", "no whole number"),
        ("households", HOUSEHOLD | {"wishes_heard_on": "2020-03-01"}, "known_on", "before the family was asked"),
        ("members", MEMBER | {"dibao_tier": "D等", "known_on": "2020-02-02"}, "dibao_tier", "is not a known code"),
        ("households", HOUSEHOLD | {"valid_from": "", "registry_status": "ordinary", "exit_year": ""}, "valid_from", "missing"),
        ("households", HOUSEHOLD | {"household_id": "", "known_on": "2020-02-02"}, "household_id", "missing"),
        ("households", HOUSEHOLD | {"known_on": "2019-12-31"}, "known_on", "before it became true"),
        ("households", HOUSEHOLD, "known_on", "the same as row 2"),
        ("households", HOUSEHOLD | {"exit_year": 2019}, "exit_year", "the last one counts"),
        ("households", HOUSEHOLD | {"village_code": "520524100001"}, "village_code", "outside the register's county 520523"),
        ("members", MEMBER | {"birth_year": 1820, "known_on": "2020-02-02"}, "birth_year", "outside 1900"),
        ("members", MEMBER | {"birth_year": 2021, "known_on": "2020-02-02"}, "birth_year", "born after"),
        ("members", MEMBER | {"birth_year": 2010, "chronic_disease": "是", "known_on": "2020-02-02"}, "birth_year", "under 14"),
        ("members", MEMBER | {"sex": "x", "known_on": "2020-02-02"}, "sex", "allowed"),
        ("members", MEMBER | {"household_id": "007"}, "household_id", "not in the households table"),
        ("employment", SPELL | {"member_id": "9"}, "member_id", "not in the members table"),
        ("employment", SPELL | {"start_date": "2021-02-01", "end_date": "2021-01-31"}, "end_date", "before the start"),
        ("employment", SPELL | {"start_date": "2021-07-02", "end_date": ""}, "known_on", "before the work began"),
        ("employment", SPELL | {"start_date": "2021-02-30"}, "start_date", "is not a date"),
        ("incomes", INCOME | {"period_start": "2021-02"}, "period_end", "a quarter or longer"),
        ("incomes", INCOME | {"source": "business", "known_on": "2021-03-30"}, "known_on", "before the period ended"),
        ("incomes", INCOME | {"source": "business", "period_end": "2021-13"}, "period_end", "is not a month"),
        ("incomes", INCOME | {"source": "business", "amount": "3,000"}, "amount", "is not a number"),
        ("incomes", INCOME | {"source": "business", "amount": "2e8"}, "amount", "outside"),
        ("events", BILL | {"event_id": "e2", "oop_compliant": 6000}, "oop_compliant", "exceeds the whole bill"),
        (
            "events",
            BILL | {"event_id": "e2", "event_kind": "school_fee", "oop_compliant": "", "subsidy": 6000},
            "subsidy",
            "subsidy exceeds",
        ),
        ("events", BILL | {"event_id": "e2", "occurred_on": "2021-05-21"}, "known_on", "before it happened"),
        ("events", BILL | {"event_id": "e2", "amount": -5}, "amount", "outside"),
        ("monitoring", DECISION | {"identified_on": "2022-06-02"}, "eliminated_on", "before it was identified"),
        ("monitoring", DECISION | {"identified_on": "2021-07-01", "eliminated_on": "2022-07-01"}, "known_on", "before the elimination"),
        ("visits", VISIT | {"visited_on": "2021-06-03"}, "known_on", "before the visit"),
        ("visits", VISIT | {"reason": "audit", "probability": 1.5}, "probability", "outside 0 … 1"),
        ("visits", VISIT | {"reason": "audit", "known_on": "2023-01-01"}, "known_on", "after the register's last day"),
        ("indicators", INDICATOR | {"name": "luck"}, "name", "not declared"),
    ],
)
def test_each_fault_is_named_where_it_stands(tmp_path: Path, table: str, row: dict[str, Any], column: str, reason: str) -> None:
    problems = validate(write(tmp_path, **{table: [row]}))
    found = [problem for problem in problems if (problem.table, problem.row, problem.column) == (table, 3, column)]
    assert any(reason in problem.reason for problem in found), problems
    assert all(problem.remedy for problem in problems)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    rows = [MEMBER | {"member_id": str(n), "sex": "x", "birth_year": 1800} for n in range(2, 12)]
    problems = validate(write(tmp_path, members=rows))
    assert len(problems) == 20
    assert {problem.row for problem in problems} == set(range(3, 13))


def test_missing_and_unknown_columns_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "incomes.csv").write_text("household_id,source,colour\n001,wage,red\n", encoding="utf-8")
    named = {(problem.table, problem.row, problem.column) for problem in validate(tmp_path)}
    assert named == {("incomes", None, name) for name in ("colour", "period_start", "period_end", "known_on")}


def test_a_folder_without_households_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    assert [problem.table for problem in validate(tmp_path)] == ["households"]


def test_parts_are_told_apart_and_rows_counted_in_their_file(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "visits.csv").unlink()
    (tmp_path / "visits").mkdir()
    for part, probability in enumerate((0.5, 7.0)):
        table = pa.table({name: [value] for name, value in (VISIT | {"probability": probability}).items()})
        pyarrow.parquet.write_table(table, tmp_path / "visits" / f"part-{part:04}.parquet")
    assert [(problem.table, problem.row) for problem in validate(tmp_path)] == [("visits/part-0001.parquet", 1)]


def test_a_path_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    for look, name in ((validate, "gone"), (validate_workbook, "gone.xlsx")):
        with pytest.raises(RegisterError, match="no such folder or file"):
            look(tmp_path / name)


def test_blank_lines_and_parts_move_no_line_number(tmp_path: Path) -> None:
    write(tmp_path)
    text = (tmp_path / "visits.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "visits.csv").unlink()
    (tmp_path / "visits").mkdir()
    (tmp_path / "visits" / "a.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    late = text[1].replace("0.5", "7").replace("2021", "2022")
    (tmp_path / "visits" / "b.csv").write_text("\n".join([text[0], "", text[1].replace("2021", "2020"), "", late]), encoding="utf-8")
    for problems in (validate(tmp_path), read_register(tmp_path, None).problems):
        assert [(problem.table, problem.row, problem.column) for problem in problems] == [("visits/b.csv", 5, "probability")]


def test_files_that_cannot_be_read_are_told_row_by_row_beside_all_else(tmp_path: Path) -> None:
    write(tmp_path, members=[MEMBER | {"member_id": "2", "birth_year": 1800}])
    (tmp_path / "visits.csv").write_text("household_id,visited_on\n001\n001,2021-01-01\n001,2,3\n", encoding="utf-8")
    twice = pa.table([pa.array(["001"])] * 3, names=["household_id", "source", "source"])
    pyarrow.parquet.write_table(twice.append_column("amount", pa.array([[1.0]])), tmp_path / "incomes.parquet")
    (tmp_path / "incomes.csv").unlink()
    named = {(p.table, p.row, p.column) for p in validate(tmp_path)}
    assert named == {
        ("members", 3, "birth_year"),
        ("visits", 2, None),
        ("visits", 4, None),
        ("incomes", None, "source"),
        ("incomes", None, "amount"),
    }


def test_what_is_known_later_than_today_is_named(tmp_path: Path) -> None:
    write(tmp_path, visits=[VISIT | {"reason": "audit", "visited_on": "2022-06-01", "known_on": "2022-06-03"}])
    day = dt.date(2022, 6, 2)
    later = [("visits", 3, "known_on")]
    found = validate(tmp_path, today=day), read_register(tmp_path, None, today=day).problems
    assert all([(p.table, p.row, p.column) for p in problems if "today" in p.reason] == later for problems in found)
    assert validate(tmp_path, today=dt.date(2022, 6, 3)) == []


def test_loading_names_what_validation_names(tmp_path: Path) -> None:
    """Faults between the cells of a row, between rows and with the register as a whole are no secret of the validator."""
    write(
        tmp_path,
        households=[HOUSEHOLD | {"exit_year": 2019}, HOUSEHOLD | {"household_id": "9", "village_code": "520524100001"}],
        members=[MEMBER, MEMBER | {"member_id": "2", "birth_year": 2021}],
        employment=[SPELL | {"member_id": "7"}],
        incomes=[INCOME | {"amount": 1}, INCOME | {"source": "business", "known_on": "2021-03-30"}],
        visits=[VISIT | {"reason": "audit", "known_on": "2023-01-01"}],
    )
    named = {(p.table, p.row, p.column) for p in validate(tmp_path)}
    assert len(named) == 8
    reading = read_register(tmp_path, None)
    assert {(p.table, p.row, p.column) for p in reading.problems} == named
    assert reading.register.household_id.tolist() == ["001"]
    assert reading.rows_left_out == {"households": 1}


def test_a_failed_reading_names_all_that_validation_names(tmp_path: Path) -> None:
    write(tmp_path, visits=[VISIT | {"reason": "audit", "probability": 7}])
    (tmp_path / "incomes.csv").write_text("household_id,source,colour\n001,wage,red\n", encoding="utf-8")
    with pytest.raises(RegisterError) as refused:
        read_register(tmp_path, None)
    assert {(p.table, p.row, p.column) for p in refused.value.problems} == {(p.table, p.row, p.column) for p in validate(tmp_path)}


def test_an_empty_table_is_no_problem(tmp_path: Path) -> None:
    write(tmp_path)
    columns = ",".join(column.name for column in TABLES["visits"].columns)
    (tmp_path / "visits.csv").write_text(columns + "\n", encoding="utf-8")
    assert validate(tmp_path) == []


def test_problems_are_written_for_excel(tmp_path: Path) -> None:
    problems = validate(write(tmp_path, visits=[VISIT | {"probability": 2}]))
    write_problems(problems, tmp_path / "问题.csv")
    text = (tmp_path / "问题.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    assert text.decode("utf-8-sig").splitlines()[1].startswith("visits,3,probability,")


def test_a_workbook_is_held_to_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "register.xlsx"
    write_workbook(path, {"households": [HOUSEHOLD], "incomes": [INCOME, INCOME | {"source": "business", "known_on": "2021-03-30"}]})
    problems = validate_workbook(path)
    assert [(problem.table, problem.row, problem.column) for problem in problems] == [("收入", 4, "known_on")]


NONSENSE = (
    "",
    "?",
    "nan",
    "inf",
    "1e99",
    "-1",
    "9999-99-99",
    "2021-02-30",
    "2021-00",
    "真",
    "maybe",
    "0",
    "x" * 80,
    " ",
    "2021-06-31T00:00",
)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_whatever_the_reader_objects_to_validation_has_named(seed: int) -> None:
    """Cells spoilt at random: nothing that is left out or made missing when loading went unsaid before."""
    random = Random(seed)
    made = rows(random, ("h1", "h2"), 3)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "register.yaml").write_text("indicators:\n- {name: distance, zh: 甲}\n- {name: roof, zh: 乙}\n", encoding="utf-8")
        for table, lines in made.items():
            columns = [column.name for column in TABLES[table].columns]
            with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(columns)
                for line in lines:
                    cells = ["" if line[column] is None else str(line[column]) for column in columns]
                    writer.writerow([random.choice(NONSENSE) if random.random() < 0.05 else cell for cell in cells])
        objected = {(problem.table, problem.row, problem.column) for problem in read_register(folder, None).problems}
        named = {(problem.table, problem.row, problem.column) for problem in validate(folder)}
    assert objected <= named
