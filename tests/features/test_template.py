"""A register survives the way into Excel and back, and what people type there is read as they meant it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from random import Random

import pytest
import python_calamine
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from features import template
from features.build import build
from features.errors import RegisterError
from features.policy.shipped import load
from features.tables import TABLES, Kind
from features.template import INDICATOR_HEADERS, read_workbook, write_workbook
from features.worksheet import WorksheetCellError, cell_text
from tests.features.generated import INFO, register, rows, same

AS_OF = dt.date(2021, 12, 31)


def test_a_register_written_to_excel_reads_back_the_same(tmp_path: Path) -> None:
    random = Random(11)
    made = rows(random, [f"00{i}" for i in range(8)], 3)
    registered = {row["household_id"] for row in made["households"]}
    made = {name: [row for row in table if row["household_id"] in registered] for name, table in made.items()}
    path = tmp_path / "register.xlsx"
    write_workbook(path, made, INFO)
    reading = read_workbook(path, None)
    assert reading.rows_left_out == {}
    assert reading.rows_read == {name: len(table) for name, table in made.items() if table}
    assert reading.register.info.indicators == INFO.indicators
    assert reading.register.info.synthetic
    assert len(reading.register.info.digest) == 64
    whole = register(made)
    policy = load(synthetic=True)
    assert same(build(reading.register, AS_OF, policy), build(whole, AS_OF, policy), reading.register, whole) == []


def test_the_template_has_a_sheet_a_table_with_both_headers(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    write_workbook(path)
    book = python_calamine.CalamineWorkbook.from_path(str(path))
    assert book.sheet_names[0] == "说明"
    for table in TABLES.values():
        cells = book.get_sheet_by_name(table.zh).to_python()
        assert cells[0] == [column.zh for column in table.columns]
        assert cells[1] == [column.name for column in table.columns]
    explained = {row[2] for row in book.get_sheet_by_name("说明").to_python()}
    assert {f"{table.name}.{column.name}" for table in TABLES.values() for column in table.columns} <= explained


def test_an_empty_template_says_that_nobody_is_in_it(tmp_path: Path) -> None:
    write_workbook(tmp_path / "template.xlsx")
    reading = read_workbook(tmp_path / "template.xlsx", None)
    assert [problem.table for problem in reading.problems] == ["户"]
    assert len(reading.register) == 0


def a_ledger(path: Path, header_row: int = 2) -> None:
    """A ledger as a township keeps it: two title rows, header in row 3, columns in its own order, everything text."""
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("户")
    sheet.write(0, 0, "金沙县农户台账")
    header = ["序号", "户编号 *", "行政村代码", "户类型", "共享收支人口（人）", "生效日期", "知悉日期"]
    lines = [
        ["1", "001", "520523100001", "一般农户", "４人", "2021年1月5日", "2021.1.6"],
        ["2", "002", "520523100001", "脱贫户", "3", "20210105", "2021/1/6"],
        ["3", 12345678901234567890, "520523100001", "脱贫户", "3", "20210105", "2021/1/6"],
        ["4", 5, "520523100001", "富裕户", "3", "20210105", "某日"],
    ]
    for place, words in enumerate([header, *lines]):
        for column, word in enumerate(words):
            sheet.write(header_row + place, column, word)
    book.close()


def test_a_ledger_with_title_rows_and_its_own_ways_is_read_and_doubts_are_named_by_excel_row(tmp_path: Path) -> None:
    path = tmp_path / "ledger.xlsx"
    a_ledger(path)
    reading = read_workbook(path, None)
    assert reading.register.household_id.tolist() == ["001", "002", "5"]
    view = reading.register.at(dt.date(2021, 1, 6))
    assert view["households"]["sharing_size"].tolist() == [4, 3]
    named = {(problem.table, problem.row, problem.column) for problem in reading.problems}
    assert {
        ("户", 3, "序号"),
        ("户", 6, "household_id"),
        ("户", 7, "household_id"),
        ("户", 7, "registry_status"),
        ("户", 7, "known_on"),
    } <= named


def test_a_sheet_with_the_same_fault_in_every_row_does_not_fill_the_memory_with_complaints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template, "PROBLEMS_KEPT", 3)
    book = xlsxwriter.Workbook(str(tmp_path / "numbers.xlsx"))
    sheet = book.add_worksheet("户")
    sheet.write_row(0, 0, ["户编号", "行政村代码", "户类型", "生效日期", "知悉日期"])
    for row in range(1, 10):
        sheet.write_row(row, 0, [row, "520523100001", "一般农户", "2021-01-05", "2021-01-06"])
    book.close()
    reading = read_workbook(tmp_path / "numbers.xlsx", None)
    assert [problem.row for problem in reading.problems] == [2, 3, 4]
    assert len(reading.register) == 9


def test_a_sheet_without_its_required_columns_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "broken.xlsx"
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("户").write_row(0, 0, ["户编号", "户类型"])
    book.close()
    with pytest.raises(RegisterError) as caught:
        read_workbook(path, None)
    assert {problem.column for problem in caught.value.problems} == {"village_code", "valid_from", "known_on"}


def test_something_else_than_a_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "register.xlsx"
    path.write_text("户编号,户类型\n")
    with pytest.raises(RegisterError, match="不是 Excel 工作簿"):
        read_workbook(path, None)
    with pytest.raises(RegisterError):
        read_workbook(tmp_path / "absent.xlsx", None)


@given(st.dates(dt.date(1950, 1, 1), dt.date(2035, 12, 31)))
def test_every_way_of_writing_a_date_is_the_same_date(date: dt.date) -> None:
    y, m, d = date.year, date.month, date.day
    shapes = (date, f"{y}-{m}-{d}", f"{y}/{m:02}/{d:02}", f"{y}.{m}.{d}", f"{y}{m:02}{d:02}", float(f"{y}{m:02}{d:02}"), f"{y}年{m}月{d}日")
    assert {cell_text(Kind.DATE, shape) for shape in shapes} == {date.isoformat()}
    months = (date, f"{y}-{m}", f"{y}{m:02}", float(f"{y}{m:02}"), f"{y}.{m:02}", f"{y}年{m}月", date.isoformat())
    assert {cell_text(Kind.MONTH, shape) for shape in months} == {f"{y}-{m:02}"}


def test_ids_typed_as_numbers_are_doubted() -> None:
    with pytest.raises(WorksheetCellError, match="前导零") as kept:
        cell_text(Kind.ID, 12.0)
    assert kept.value.value == "12"
    with pytest.raises(WorksheetCellError, match="失真") as lost:
        cell_text(Kind.ID, 9.9e17)
    assert lost.value.value is None


def test_indicator_sheet_headers_name_the_declaration_in_order() -> None:
    assert [name for name, _ in INDICATOR_HEADERS] == list(INFO.indicators[0].__slots__)
