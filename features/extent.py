"""How far a workbook's sheets reach, found by walking through the file before a reader makes room for everything in between.

A reader holds a sheet as one full rectangle. Worked example: a heading in A1 and a slip of the hand in XFD1048576 are two cells in a file
of some kilobytes, and a rectangle of 17 thousand million.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import IO
from xml.parsers import expat

from features.errors import Problem, RegisterError

MOST_CELLS = 10_000_000  # of all sheets that are read; half a million rows of twenty columns
BLOCK = 1 << 20
FOLDER = "xl/"
LETTERS = 26
Element = Callable[[str, Mapping[str, str]], None]
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def check_extent(path: Path, read: Collection[str]) -> None:
    """Refuses a workbook of which some sheet reaches too far to be read.

    Args:
        path: the .xlsx file.
        read: the names of the sheets that will be read; the others may be as large as they like.

    Raises:
        RegisterError: the file is no workbook, or too large; says which sheet, and where its last cell lies.
    """
    left = MOST_CELLS
    try:
        with zipfile.ZipFile(path) as archive:
            written = {name.replace("\\", "/").lower(): name for name in archive.namelist()}
            for sheet, part in _parts(archive, written).items():
                if sheet in read:
                    with archive.open(written[part]) as content:
                        rows, columns, cells = _extent(content)
                    left -= max(rows * columns, cells)
                    if left < 0:
                        raise _too_large(sheet, rows, _letters(columns))
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, LookupError, ValueError, EOFError, OSError, NotImplementedError):
        raise RegisterError(f"{path} 不是 Excel 工作簿 is not an Excel workbook: 请重新另存为 .xlsx save it again as .xlsx") from None


def _too_large(sheet: str, rows: int, column: str) -> RegisterError:
    reason = f"工作表过大 the sheet “{sheet}” reaches to {column}{rows}; at most {MOST_CELLS:,} cells are read"
    remedy = "请删除表外多余内容（按 Ctrl+End）或拆分 delete what stands far from the table (Ctrl+End finds it), or split the file"
    return RegisterError(f"工作簿过大 the workbook is too large: {reason}: {remedy}", [Problem(sheet, rows, column, reason, remedy)])


def _extent(sheet: IO[bytes]) -> tuple[int, int, int]:
    """Down to which row and column a sheet's cells hold anything, and how many do.

    A blank cell with a colour or a border counts for nothing: people format whole columns.
    """
    rows = columns = cells = row = column = down = 0
    blank = False  # whether nothing was found so far in the cell that is being walked through
    numbers: dict[str, int] = {}

    def element(name: str, given: Mapping[str, str]) -> None:
        nonlocal rows, columns, cells, row, column, down, blank
        name = name.rpartition(":")[2]
        if name == "c":
            down, column, blank = row, column + 1, True
            if "r" in given:
                place = _PLACE.fullmatch(given["r"])
                if place is None:
                    raise ValueError("a cell's address is none")
                letters, digits = place.groups()
                if letters not in numbers:
                    numbers[letters] = _number(letters)
                down, column = int(digits), numbers[letters]
        elif name == "row":
            row, column, blank = int(given["r"]) if "r" in given else row + 1, 0, False
        elif blank and name in ("v", "is"):
            blank = False
            rows, columns, cells = max(rows, down), max(columns, column), cells + 1

    _walk(sheet, element)
    return rows, columns, cells


def _parts(archive: zipfile.ZipFile, written: Mapping[str, str]) -> dict[str, str]:
    """The file inside a workbook that should hold each sheet, by the sheet's name.

    Args:
        archive: the workbook.
        written: the names of its files as they are written, by how they read in small letters.
    """
    targets: dict[str, str] = {}
    sheets: dict[str, str] = {}

    def relation(name: str, given: Mapping[str, str]) -> None:
        if name.rpartition(":")[2] == "Relationship":
            targets[given["Id"]] = given["Target"]

    def sheet(name: str, given: Mapping[str, str]) -> None:
        if name.rpartition(":")[2] == "sheet":
            target = targets[next(value for key, value in given.items() if key.rpartition(":")[2] == "id")]
            sheets[given["name"].strip()] = (target[1:] if target.startswith("/") else FOLDER + target).lower()

    for part, element in ((f"{FOLDER}_rels/workbook.xml.rels", relation), (f"{FOLDER}workbook.xml", sheet)):
        with archive.open(written[part]) as content:
            _walk(content, element)
    return sheets


def _walk(content: IO[bytes], element: Element) -> None:
    """Calls with the name, prefix and all, and the attributes of each element, however long the file is."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = element
    while block := content.read(BLOCK):
        parser.Parse(block)
    parser.Parse(b"", True)


def _number(letters: str) -> int:
    """The number of a column, from 1.

    >>> [_number(letters) for letters in ("A", "Z", "AA", "XFD")]
    [1, 26, 27, 16384]
    """
    number = 0
    for letter in letters:
        number = number * LETTERS + ord(letter) - ord("A") + 1
    return number


def _letters(number: int) -> str:
    """The letters of a column.

    >>> [_letters(number) for number in (1, 26, 27, 16384)]
    ['A', 'Z', 'AA', 'XFD']
    """
    letters = ""
    while number:
        number, place = divmod(number - 1, LETTERS)
        letters = chr(ord("A") + place) + letters
    return letters
