"""A list as text with commas, and as a workbook that prints on A4 and is signed at the end; both written row by row."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from service.exchange.cells import safe_text
from service.exchange.listing import ADVICE, Cell, ListFile

BOM = "\ufeff"  # without it spreadsheets take the Chinese for something else
TEXT_STEP = 1000  # rows written at a time
BLOCK_BYTES = 1 << 16
A4 = 9
SIGNED = "填表人 Filled in by：__________      审核人 Checked by：__________      日期 Date：__________"
LONGEST_FOOTER = 255


def as_csv(listed: ListFile) -> Iterator[bytes]:
    """The list as UTF-8 text: quoted is text, unquoted a number; each row says which list it is from.

    Yields:
        some rows at a time.
    """
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    record = listed.record
    beside = [record.list_version, record.as_of, record.model_version]
    out.write(BOM)
    writer.writerow([*(column.header for column in listed.columns), "名单 list_version", "统计时点 as_of", "模型 model_version"])
    for number, row in enumerate(listed.rows(), 1):
        writer.writerow([*(_cell(cell) for cell in row), *beside])
        if number % TEXT_STEP == 0:
            yield _taken(out)
    yield _taken(out)


def _cell(cell: Cell) -> Cell:
    return "" if cell is None else safe_text(cell) if isinstance(cell, str) else cell


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()


def as_workbook(listed: ListFile) -> Iterator[bytes]:
    """The list as an Excel workbook: landscape A4, one page wide, headers on every page, a line to sign at the end.

    What nobody needs at a door stands to the right of what is printed.

    Yields:
        the file, a block at a time; on disk meanwhile, so that a long list takes no memory.
    """
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        _write_workbook(listed, file)
        file.seek(0)
        while block := file.read(BLOCK_BYTES):
            yield block


def _write_workbook(listed: ListFile, file: IO[bytes]) -> None:
    import xlsxwriter  # loaded by those who ask for a workbook

    # Texts stay texts whatever they look like; rows go to disk as they come.
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    # Closed also where the list breaks off: its rows do not stay on the disk.
    with xlsxwriter.Workbook(file.name, {"constant_memory": True, **plain}) as book:
        _fill(book, listed)


def _fill(book: Any, listed: ListFile) -> None:
    record, columns = listed.record, listed.columns
    last = sum(column.paper for column in columns) - 1
    sheet = book.add_worksheet("预警名单 list")
    title = book.add_format({"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"})
    said = book.add_format({"align": "center", "valign": "vcenter", "text_wrap": True})
    header = book.add_format({"bold": True, "border": 1, "bg_color": "#E7EDF3", "align": "center", "valign": "vcenter", "text_wrap": True})
    formats: dict[str, Any] = {
        kind: book.add_format({"border": 1, "valign": "top", "text_wrap": not kind, "num_format": kind or "@"})
        for kind in {column.format for column in columns}
    }
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
    where = f"{listed.regions.called(listed.region)} {listed.region}".strip()
    about = (
        f"区划 region {where}    统计时点 as of {record.as_of}    名单 list {record.list_version}    "
        f"模型 model {record.model_version}" + ("    合成数据 synthetic data" if record.synthetic else "")
    )
    sheet.set_row(0, 28)
    sheet.merge_range(0, 0, 0, last, "防止返贫监测预警名单 Households worth a visit", title)
    sheet.set_row(1, 20)
    sheet.merge_range(1, 0, 1, last, about, said)
    sheet.set_row(2, 48)
    for place, column in enumerate(columns):
        sheet.write_string(2, place, f"{column.zh}\n{column.en}", header)
    number = 3
    for number, row in enumerate(listed.rows(), 3):
        for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
            shown = formats[column.format]
            if cell is None or cell == "":
                sheet.write_blank(number, place, None, shown)
            elif isinstance(cell, str):
                sheet.write_string(number, place, cell, shown)
            else:
                sheet.write_number(number, place, cell, shown)
    sheet.set_row(number + 2, 30)
    sheet.merge_range(number + 2, 0, number + 2, last, SIGNED, said)
    sheet.freeze_panes(3, 1)
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.print_area(0, 0, number + 2, last)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, 2)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.7)
    line = f"名单 list {record.list_version} · {record.as_of} · 模型 {record.model_version}"
    sheet.set_footer(f"&L&8{ADVICE}&C&8{line}&R&8&P / &N"[:LONGEST_FOOTER])
    book.set_properties({"title": "防止返贫监测预警名单", "comments": ADVICE})
