"""A workbook that would fill the memory is refused before it is read, whatever it says of itself; any other is read."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import python_calamine
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from features import extent
from features.errors import RegisterError
from features.template import read_cells

HEADER = ("户编号", "行政村代码", "户类型", "生效日期", "知悉日期")
HOUSEHOLD = ("001", "520523100001", "一般农户", "2021-01-05", "2021-01-06")


def ledger(path: Path, *far: tuple[int, int], sheet: str = "户") -> Path:
    """One household, and cells far from it (row and column from 0) on some sheet."""
    book = xlsxwriter.Workbook(str(path))
    page = book.add_worksheet("户")
    page.write_row(0, 0, HEADER)
    page.write_row(1, 0, HOUSEHOLD)
    other = page if sheet == "户" else book.add_worksheet(sheet)
    for row, column in far:
        other.write(row, column, "x")
    book.close()
    return path


def rewritten(path: Path, change: tuple[str, str]) -> Path:
    """The same workbook with a piece of its first sheet replaced."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    text, count = re.subn(*change, parts[sheet].decode(), count=1, flags=re.DOTALL)
    assert count
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (parts | {sheet: text.encode()}).items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("far", [(1_048_575, 16_383), (1_048_575, 20), (3000, 16_383)])
def test_two_distant_cells_are_refused_with_the_place_of_the_last_one(tmp_path: Path, far: tuple[int, int]) -> None:
    column = {16_383: "XFD", 20: "U"}[far[1]]
    path = ledger(tmp_path / "a.xlsx", far)
    assert path.stat().st_size < 10_000
    with pytest.raises(RegisterError, match=f"户.*{column}{far[0] + 1}.*Ctrl") as refused:
        read_cells(path)
    assert [(problem.table, problem.row, problem.column) for problem in refused.value.problems] == [("户", far[0] + 1, column)]


def test_a_sheet_that_is_not_read_may_reach_as_far_as_it_likes(tmp_path: Path) -> None:
    filled = read_cells(ledger(tmp_path / "a.xlsx", (1_048_575, 16_383), sheet="草稿"))
    assert len(filled.frames["households"]) == 1
    assert [problem.table for problem in filled.problems] == ["草稿"]


def test_a_size_that_a_sheet_only_claims_is_not_believed(tmp_path: Path) -> None:
    path = rewritten(ledger(tmp_path / "a.xlsx"), ('<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"'))
    assert len(read_cells(path).frames["households"]) == 1
    small = rewritten(ledger(tmp_path / "b.xlsx", (1_048_575, 16_383)), ('<dimension ref="[^"]*"', '<dimension ref="A1:E2"'))
    with pytest.raises(RegisterError, match="XFD1048576"):
        read_cells(small)


def test_formatted_blank_cells_far_down_are_nothing(tmp_path: Path) -> None:
    far = '<row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData>'
    assert len(read_cells(rewritten(ledger(tmp_path / "a.xlsx"), ("</sheetData>", far))).frames["households"]) == 1


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="9">' + '<c r="A9"><v>1</v></c>' * 101 + "</row>",
        "<row>" + "<c><v>1</v></c>" * 51 + "</row>",
        '<row/><row r="40"/><row>' + "<c/>" * 3 + "<c><v>1</v></c></row>",
        '<x:row xmlns:x="y" r="40"><x:c s="0" r="C40" t="inlineStr"><x:is><x:t>x</x:t></x:is></x:c></x:row>',
    ],
    ids=["one address again and again", "cells without addresses", "rows without numbers", "prefixes"],
)
def test_every_way_of_writing_many_cells_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    monkeypatch.setattr(extent, "MOST_CELLS", 100)
    with pytest.raises(RegisterError, match="too large"):
        read_cells(rewritten(ledger(tmp_path / "a.xlsx"), ("</sheetData>", rows + "</sheetData>")))


@given(st.sets(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=6), st.sampled_from(["x", "", 1.5, True, "=1+1"]))
def test_sheets_reach_as_far_as_their_reader_finds(
    tmp_path_factory: pytest.TempPathFactory, places: set[tuple[int, int]], cell: object
) -> None:
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    page, bold = book.add_worksheet("户"), book.add_format({"bold": True})
    for row, column in places:
        page.write(row, column, cell, bold)
    book.close()
    end = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_name("户").end
    with zipfile.ZipFile(path) as archive, archive.open("xl/worksheets/sheet1.xml") as content:
        rows, columns, _ = extent._extent(content)
    assert (rows, columns) == ((0, 0) if end is None else (end[0] + 1, end[1] + 1))


@pytest.mark.parametrize(
    "change", [("<sheetData>", "<sheetData"), ('<c r="A1"', '<c r="1A"'), ('<row r="1"', '<row r="one"'), ("</worksheet>", "")]
)
def test_a_broken_sheet_is_refused_in_words(tmp_path: Path, change: tuple[str, str]) -> None:
    with pytest.raises(RegisterError, match="不是 Excel 工作簿"):
        read_cells(rewritten(ledger(tmp_path / "a.xlsx"), change))
