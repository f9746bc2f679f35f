"""Cells as people type them into a worksheet become the plain text that the register's reader takes.

Full-width digits and brackets, thousands commas, units behind a number, and the date shapes of real ledgers (2023-12-18,
2023/12/18, 2023.12.18, 20231218, 2023年12月18日) all mean one thing and are read as such.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import Any

from features.tables import Kind

_DATE = re.compile(r"(\d{4})(?:[-/.年])(\d{1,2})(?:[-/.月])(\d{1,2})日?(?:[ T]00:00(?::00)?)?")
_DATE_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MONTH = re.compile(r"(\d{4})(?:[-/.年])(\d{1,2})月?")
_MONTH_DIGITS = re.compile(r"(\d{4})(\d{2})")
_UNIT = re.compile(r"\s*(?:元|人|亩|公里|平方米|㎡|km|mu|yuan)(?:/[^\d]+)?$")
_EXACT_DIGITS = 15  # a number of more digits has lost its last ones in Excel


class WorksheetCellError(Exception):
    """A cell to be reported; `value` is what is kept of it."""

    def __init__(self, reason: str, remedy: str, value: str | None = None) -> None:
        super().__init__(reason)
        self.remedy = remedy
        self.value = value


def header_word(cell: Any) -> str:
    """A header cell without blanks, stars and the remark in brackets behind it.

    >>> header_word(" 人均纯收入（元）"), header_word("户编号*")
    ('人均纯收入', '户编号')
    """
    text = unicodedata.normalize("NFKC", str(cell if cell is not None else ""))
    return re.sub(r"\s+", "", re.sub(r"\(.*?\)", "", text)).rstrip("*")


def cell_text(kind: Kind, cell: Any) -> str | None:
    """A worksheet cell as the text that its column's reader understands; None where blank.

    >>> cell_text(Kind.DATE, "2023年1月5日"), cell_text(Kind.MONTH, 202306.0), cell_text(Kind.NUMBER, "１，２００元")
    ('2023-01-05', '2023-06', '1200')

    Raises:
        WorksheetCellError: the cell is an id that Excel turned into a number and so may have changed.
    """
    if isinstance(cell, dt.datetime):
        cell = cell.date()
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    if isinstance(cell, dt.date):
        return f"{cell:%Y-%m}" if kind is Kind.MONTH else cell.isoformat()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (int, float)):
        text = str(int(cell)) if float(cell).is_integer() else repr(cell)
        if kind in (Kind.ID, Kind.TEXT):
            return _number_as_text(text)
    else:
        text = unicodedata.normalize("NFKC", str(cell)).strip()
        if kind in (Kind.ID, Kind.TEXT):
            return text.lstrip("'")
    if kind is Kind.DATE:
        return _dated(text)
    if kind is Kind.MONTH:
        return _month(text)
    if kind is Kind.NUMBER:
        return _UNIT.sub("", text).replace(",", "")
    if kind is Kind.CATEGORY:
        return str(cell).strip() if isinstance(cell, str) else text
    return text


def _number_as_text(text: str) -> str:
    if len(text) > _EXACT_DIGITS:
        raise WorksheetCellError(
            "以数字填写，末位已失真 typed as a number, which has lost digits",
            "请按文本重新填写 type it as text",
        )
    raise WorksheetCellError(
        "以数字填写，前导零会丢失 typed as a number; leading zeros are lost if there were any",
        "请按文本填写 type it as text",
        text,
    )


def _dated(text: str) -> str:
    for shape in (_DATE, _DATE_DIGITS):
        if found := shape.fullmatch(text):
            year, month, day = found.groups()
            return f"{year}-{int(month):02}-{int(day):02}"
    return text


def _month(text: str) -> str:
    for shape in (_MONTH, _MONTH_DIGITS):
        if found := shape.fullmatch(text):
            year, month = found.groups()
            return f"{year}-{int(month):02}"
    if found := _DATE.fullmatch(text):
        return f"{found[1]}-{int(found[2]):02}"
    return text
