"""The register as one Excel workbook: an empty template to fill in, a register written out, and the reader of both.

One sheet a table with the Chinese header in the first row and the column's code in the second, drop-downs where only some words
are allowed, ids and codes as text, and a sheet 说明 that says what each column means. The reader finds the header by its words, so
that title rows above it and columns in another order do no harm.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import python_calamine
import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from features.contents import register_digest
from features.errors import PROBLEMS_KEPT, Problem, RegisterError
from features.extent import check_extent
from features.folder import COUNTY
from features.place import Where
from features.read import Reading, from_arrow
from features.register import Indicator, RegisterInfo
from features.scope import ANYWHERE, Scope
from features.tables import TABLES, Column, Kind, Table
from features.worksheet import WorksheetCellError, cell_text, header_word

ABOUT = "说明"
DECLARED = "指标定义"
ROWS_PREPARED = 5000  # drop-downs and text format reach this far down an empty template
HEADER_ROWS_SEARCHED = 10
LONGEST_DROP_DOWN = 255  # Excel's own limit on a list written into a cell's rule
INFO = (
    ("county", "县代码", "6位行政区划代码 6-digit area code"),
    ("known_until", "数据截止日期", "YYYY-MM-DD：至此日已知的情况均已填入 complete for what was known until this day"),
    ("synthetic", "是否合成数据", "是/否"),
)
INDICATOR_HEADERS = (
    ("name", "指标名"),
    ("zh", "中文名"),
    ("unit", "单位"),
    ("direction", "风险方向(1/-1/0)"),
    ("cause", "所属风险"),
)
FLAG_WORDS = ("是", "否")
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def write_workbook(path: Path, rows: Rows | None = None, info: RegisterInfo | None = None) -> None:
    """Writes the Excel template, or a register filled into it.

    Args:
        path: the .xlsx file.
        rows: by table name, one mapping a row; categories as codes, flags as booleans. None writes the empty template.
        info: what is said of the register on the sheet 说明.
    """
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd", "strings_to_formulas": False})
    info = info or RegisterInfo()
    _about(book, info)
    for table in TABLES.values():
        _sheet(book, table, (rows or {}).get(table.name, ()))
    sheet = book.add_worksheet(DECLARED)
    bold = book.add_format({"bold": True})
    for place, (_, zh) in enumerate(INDICATOR_HEADERS):
        sheet.write_string(0, place, zh, bold)
    for row, indicator in enumerate(info.indicators, start=1):
        for place, (name, _) in enumerate(INDICATOR_HEADERS):
            sheet.write(row, place, getattr(indicator, name))
    book.close()


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled-in workbook's cells as text, before they are encoded.

    Attributes:
        frames: by table name, columns named as declared.
        sheets: by table name, the sheet it stands on and the Excel row of each of its rows.
        info: what the workbook says of the register.
        problems: cells that could not be kept as typed, and columns that nobody knows.
    """

    frames: dict[str, pa.Table]
    sheets: dict[str, tuple[str, list[int]]]
    info: RegisterInfo
    problems: list[Problem]

    def where(self, table: str) -> Where:
        """Where the rows of a table stand: its sheet, and the row that a person sees."""
        sheet, numbers = self.sheets[table]
        return lambda row: (sheet, None if row is None else numbers[row])


def read_cells(path: Path, *, partial: bool = False) -> Filled:
    """The cells of a filled-in template.

    Args:
        path: the .xlsx file.
        partial: households may be missing, because they are stored elsewhere.

    Raises:
        RegisterError: the file is no workbook or too large, has no sheet 户, or a sheet lacks a required column.
    """
    known = {ABOUT, DECLARED, *(word for table in TABLES.values() for word in (table.zh, table.name))}
    check_extent(path, known)
    faults: list[Problem] = []
    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
            sheets = {name.strip(): name for name in book.sheet_names}

            def cells(sheet: str) -> list[list[Any]]:
                return book.get_sheet_by_name(sheets[sheet]).to_python(skip_empty_area=False) if sheet in sheets else []

            filled = Filled({}, {}, _read_info(cells(ABOUT), cells(DECLARED)), [])
            for table in TABLES.values():
                sheet = next((name for name in (table.zh, table.name) if name in sheets), None)
                if sheet is not None:
                    _sheet_cells(table, sheet, cells(sheet), filled, faults)
    except (python_calamine.CalamineError, OSError):  # its own words may quote the file
        raise RegisterError(f"{path} 不是 Excel 工作簿 is not an Excel workbook: 请重新另存为 .xlsx save it again as .xlsx") from None
    for sheet in sorted(sheets.keys() - known):
        filled.problems.append(Problem(sheet, None, None, "未知工作表，未读取 unknown sheet, not read", "请核对表名 check its name"))
    if "households" not in filled.frames and not faults and not partial:
        faults.append(Problem("户", None, None, "缺少工作表“户” the sheet 户 is missing", "请使用模板 start from the template"))
    if faults:
        raise RegisterError(f"{path} 无法读取 cannot be read", faults + filled.problems)
    if not partial and not len(filled.frames["households"]):
        filled.problems.append(Problem("户", None, None, "未填写任何户 no household is filled in", "请填写 fill in the sheet"))
    return filled


def read_workbook(path: Path, key: bytes | None) -> Reading:
    """Reads a register from a filled-in template.

    Args:
        path: the .xlsx file.
        key: the pseudonym key, or None to keep ids as they are.

    Returns:
        the register and every problem, by sheet and Excel row.

    Raises:
        RegisterError: as `read_cells`.
    """
    filled = read_cells(path)
    return from_cells(filled, key, filled.info)


def from_cells(
    filled: Filled,
    key: bytes | None,
    info: RegisterInfo,
    *,
    since: dt.date | None = None,
    scope: Scope = ANYWHERE,
    today: dt.date | None = None,
) -> Reading:
    """Encodes a workbook's cells into a register.

    Args:
        filled: the cells.
        key: the pseudonym key, or None to keep ids as they are.
        info: the register's description.
        since: as `features.read.read_register`.
        scope: as `features.read.from_arrow`.
        today: as `features.read.from_arrow`.

    Returns:
        the register and every problem, by sheet and Excel row.
    """
    where = {name: filled.where(name) for name in filled.frames}
    reading = from_arrow(filled.frames, info, key, since=since, scope=scope, today=today, where=where)
    reading.problems[:0] = filled.problems
    reading.register = replace(reading.register, info=replace(info, digest=register_digest(reading.register)))
    return reading


def _about(book: Workbook, info: RegisterInfo) -> None:
    sheet = book.add_worksheet(ABOUT)
    bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 1, 22)
    sheet.set_column(2, 5, 34, wrap)
    sheet.write_string(0, 0, "防贫登记册模板 Register template", book.add_format({"bold": True, "font_size": 14}))
    lines = (
        "每张表每行一个事实；情况变化时另起一行，不要改旧行。One fact a row; when it changes, add a row, do not edit the old one.",
        "生效日期：何时成为事实。知悉日期：办公室何时知道。两者都要填。Valid from: when it became true; known on: when the office knew.",
        "编号一律按文本填写；空白表示“不知道”，不等于“否”。Ids are text; blank means not known, which is not “no”.",
        "14岁以下成员只填出生年、在校与参保。Of members under 14 give birth year, school and insurance only.",
        "不填姓名、身份证号、电话、银行账号、病名。No names, ID numbers, phones, accounts or disease names.",
    )
    for row, line in enumerate(lines, start=1):
        sheet.write_string(row, 0, line)
    row = len(lines) + 2
    values = {
        "county": info.county,
        "known_until": info.known_until.isoformat() if info.known_until else "",
        "synthetic": FLAG_WORDS[0] if info.synthetic else FLAG_WORDS[1],
    }
    for name, zh, remark in INFO:
        sheet.write_string(row, 0, zh, bold)
        sheet.write_string(row, 1, values[name], book.add_format({"num_format": "@", "border": 1}))
        sheet.write_string(row, 2, remark)
        row += 1
    for place, word in enumerate(("表", "列", "代码", "填写", "允许", "说明")):
        sheet.write_string(row + 1, place, word, bold)
    row += 2
    for table in TABLES.values():
        for column in table.columns:
            allowed = "、".join(zh for _, zh in column.values) or allowed_range(column)
            for place, text in enumerate((table.zh, column.zh, f"{table.name}.{column.name}", _how(column), allowed, column.doc)):
                sheet.write_string(row, place, text)
            row += 1


def allowed_range(column: Column) -> str:
    """What numbers a column allows, "" where any."""
    if column.low is None and column.high is None:
        return column.unit
    return f"{column.low:g} … {column.high:g} {column.unit}".strip()


def _how(column: Column) -> str:
    words = {
        Kind.ID: "文本编号",
        Kind.TEXT: "文本",
        Kind.CATEGORY: "下拉选择",
        Kind.FLAG: "是/否",
        Kind.NUMBER: "数字",
        Kind.DATE: "日期 YYYY-MM-DD",
        Kind.MONTH: "月份 YYYY-MM",
    }
    return words[column.kind] + ("，必填" if column.required else "")


def _sheet(book: Workbook, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    sheet = book.add_worksheet(table.zh)
    header = book.add_format({"bold": True, "text_wrap": True, "bg_color": "#DDEBF7", "border": 1})
    must = book.add_format({"bold": True, "text_wrap": True, "bg_color": "#FCE4D6", "border": 1})
    code = book.add_format({"font_color": "#808080", "italic": True})
    text, date = book.add_format({"num_format": "@"}), book.add_format({"num_format": "yyyy-mm-dd"})
    last = max(ROWS_PREPARED, len(rows) + 2)
    for place, column in enumerate(table.columns):
        cell_format = date if column.kind is Kind.DATE else None if column.kind is Kind.NUMBER else text
        sheet.set_column(place, place, max(12, 2 * len(column.zh) + 4), cell_format)
        sheet.write_string(0, place, column.zh, must if column.required else header)
        sheet.write_string(1, place, column.name, code)
        if note := "；".join(filter(None, (_how(column), allowed_range(column), column.doc))):
            sheet.write_comment(0, place, note)
        _rule(sheet, column, place, last)
        for row, values in enumerate(rows, start=2):
            _cell(sheet, row, place, column, values.get(column.name))
    sheet.freeze_panes(2, 1)


def _rule(sheet: Worksheet, column: Column, place: int, last: int) -> None:
    """What Excel lets a user type: words from a list, numbers in a range."""
    words = [zh for _, zh in column.values] if column.kind is Kind.CATEGORY else list(FLAG_WORDS)
    if column.kind in (Kind.CATEGORY, Kind.FLAG):
        if len(",".join(words)) > LONGEST_DROP_DOWN:
            raise ValueError(f"{column.name}: the drop-down is longer than Excel allows")
        rule: dict[str, Any] = {"validate": "list", "source": words, "error_message": "请从下拉列表中选择 choose from the list"}
    elif column.kind is Kind.NUMBER and column.low is not None and column.high is not None:
        rule = {
            "validate": "decimal",
            "criteria": "between",
            "minimum": column.low,
            "maximum": column.high,
            "error_type": "warning",
            "error_message": f"应在 {column.low:g} 与 {column.high:g} 之间",
        }
    else:
        return
    sheet.data_validation(2, place, last, place, rule)


def _cell(sheet: Worksheet, row: int, place: int, column: Column, value: Any) -> None:
    if value is None or value == "":
        return
    if column.kind is Kind.CATEGORY:
        value = dict(column.values).get(value, value)
    elif column.kind is Kind.FLAG:
        value = FLAG_WORDS[0] if value is True or value == 1 else FLAG_WORDS[1] if value is False or value == 0 else value
    if isinstance(value, dt.date):
        if column.kind is Kind.MONTH:
            sheet.write_string(row, place, f"{value:%Y-%m}")
        else:
            sheet.write_datetime(row, place, dt.datetime.combine(value, dt.time()))
    elif isinstance(value, str):
        sheet.write_string(row, place, value)
    else:
        sheet.write_number(row, place, value)


def _read_info(about: list[list[Any]], declared: list[list[Any]]) -> RegisterInfo:
    """The register's description from the sheets 说明 and 指标定义; a workbook without them is a plain, real register."""
    said: dict[str, str] = {}
    for row in about:
        for name, zh, _ in INFO:
            if len(row) > 1 and header_word(row[0]) == zh:
                said[name] = str(row[1]).strip()
    indicators: list[Indicator] = []
    faults: list[Problem] = []
    for number, row in enumerate(declared[1:], start=2):
        words: list[Any] = [cell if cell not in ("", None) else "" for cell in row]
        if words and words[0]:
            name, zh, unit, direction, cause = [*words, "", "", 0, ""][: len(INDICATOR_HEADERS)]
            try:
                indicators.append(Indicator(str(name), str(zh or name), str(unit), int(direction or 0), str(cause or "other")))
            except ValueError:
                faults.append(Problem(DECLARED, number, INDICATOR_HEADERS[3][1], "不是风险方向 is no direction", "write 1, -1 or 0"))
    until: dt.date | None = None
    try:
        until = dt.date.fromisoformat(said["known_until"][:10]) if said.get("known_until") else None
    except ValueError:
        faults.append(Problem(ABOUT, None, INFO[1][1], "不是日期 is not a date", "write YYYY-MM-DD"))
    county = said.get("county", "").removesuffix(".0")  # typed as a number
    if not COUNTY.fullmatch(county):
        faults.append(Problem(ABOUT, None, INFO[0][1], "不是区划代码 is no area code", "写 6 位数字或留空 write 6 digits or nothing"))
    if faults:
        raise RegisterError("无法读取 the workbook cannot be read", faults)
    return RegisterInfo(county, said.get("synthetic") == FLAG_WORDS[0], until, tuple(indicators))


def _sheet_cells(table: Table, sheet: str, cells: list[list[Any]], filled: Filled, faults: list[Problem]) -> None:
    """Puts one sheet's rows, as text columns, and the Excel row of each into `filled`."""
    problems = filled.problems
    words = {word: column for column in table.columns for word in (column.zh, column.name)}
    found = max(
        range(min(len(cells), HEADER_ROWS_SEARCHED)),
        key=lambda row: (sum(header_word(cell) in words for cell in cells[row]), -row),
        default=None,
    )
    if found is None or not any(header_word(cell) in words for cell in cells[found]):
        if table.name == "households":
            faults.append(Problem(sheet, None, None, "未找到表头 no header row was found", "请使用模板 start from the template"))
        return
    columns: dict[int, Column] = {}
    for place, cell in enumerate(cells[found]):
        word = header_word(cell)
        if word in words and words[word] not in columns.values():
            columns[place] = words[word]
        elif word:
            remedy = "请核对列名 check its name"
            problems.append(Problem(sheet, found + 1, str(cell), "未知或重复的列，未读取 unknown or repeated column, not read", remedy))
    for column in table.columns:
        if column.required and column not in columns.values():
            reason = f"缺少必填列 required column {column.name} ({column.zh}) is missing"
            faults.append(Problem(sheet, found + 1, column.name, reason, "请补充该列 add the column"))
    values: dict[str, list[str | None]] = {column.name: [] for column in columns.values()}
    numbers: list[int] = []
    for row, content in _rows(cells, found + 1, columns):
        numbers.append(row + 1)
        for place, column in columns.items():
            try:
                text = cell_text(column.kind, content[place] if place < len(content) else None)
            except WorksheetCellError as note:
                if len(problems) < PROBLEMS_KEPT:
                    problems.append(Problem(sheet, row + 1, column.name, str(note), note.remedy))
                text = note.value
            values[column.name].append(text)
    filled.frames[table.name] = pa.table({name: pa.array(texts, pa.string()) for name, texts in values.items()})
    filled.sheets[table.name] = (sheet, numbers)


def _rows(cells: list[list[Any]], start: int, columns: Mapping[int, Column]) -> Iterator[tuple[int, list[Any]]]:
    """Rows below the header that are neither blank nor the template's row of codes."""
    codes = {column.name for column in columns.values()}
    for row in range(start, len(cells)):
        filled = [cell for place, cell in enumerate(cells[row]) if place in columns and header_word(cell)]
        if filled and not (row == start and all(header_word(cell) in codes for cell in filled)):
            yield row, cells[row]
