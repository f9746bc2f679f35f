"""Area codes, and what the places are called: 6 digits are a county, 9 a township, 12 a village; each begins with what it lies in."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from features.errors import UserError

COUNTY_DIGITS, TOWN_DIGITS, VILLAGE_DIGITS = 6, 9, 12
LEVELS = {COUNTY_DIGITS: "county", TOWN_DIGITS: "town", VILLAGE_DIGITS: "village"}
REGION_PATTERN = "^[0-9]{6}(?:[0-9]{3}){0,2}$"
REGION = re.compile(REGION_PATTERN.removesuffix("$") + r"\Z")
COLUMNS = ("code", "zh", "en")
LONGEST_NAME = 40
MOST_TOLD = 20
Names = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Regions:
    """What places are called, Chinese and English, by their code; a place that nobody named is told by its code."""

    names: Names = field(default_factory=dict)

    @cached_property
    def mark(self) -> str:
        """Changes with the names, so that nobody keeps an answer that shows the old ones."""
        return hashlib.sha256(repr(sorted(self.names.items())).encode()).hexdigest()

    @cached_property
    def knows_places(self) -> bool:
        """Whether any township or village has a name; the county's own says nothing of where a household is."""
        return any(len(code) > COUNTY_DIGITS for code in self.names)

    def called(self, code: str, language: Literal["zh", "en"] = "zh", inside: str = "") -> str:
        """The name of a place with that of its township, as far as the reader's own region does not say it already; "" without a name.

        >>> told = Regions({"520523": ("金沙县", "Jinsha"), "520523101": ("甲镇", "Jia"), "520523101003": ("乙村", "Yi")})
        >>> told.called("520523"), told.called("520523101003"), told.called("520523101003", "en"), told.called("520523101004")
        ('金沙县', '甲镇乙村', 'Yi, Jia', '甲镇004')
        >>> told.called("520523101003", inside="520523101"), told.called("520523101004", inside="520523101"), told.called("520523102")
        ('乙村', '', '')
        """
        which = 0 if language == "zh" else 1
        known = len(inside) if code.startswith(inside) and code != inside else 0
        levels = [size for size in (TOWN_DIGITS, VILLAGE_DIGITS) if known < size <= len(code)] or [len(code)]
        if not any(code[:size] in self.names for size in levels):
            return ""
        parts = [self.names[code[:size]][which] if code[:size] in self.names else code[size - 3 : size] for size in levels]
        return "".join(parts) if language == "zh" else ", ".join(reversed(parts))


def names_in(path: Path | None) -> Names:
    """The names of a county's own file, with the columns code, zh and en; none where there is no file.

    Raises:
        UserError: it cannot be used; every fault with its line.
    """
    if path is None:
        return {}
    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = []
        for cells in reader:
            rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except OSError as error:
        raise _refused(path, [f"无法读取 it cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _refused(path, [_at(line, "不是 UTF-8 编码，请另存为 CSV UTF-8 it is not UTF-8; save it as CSV UTF-8")]) from None
    except csv.Error as error:
        last = rows[-1][0] if rows else 0
        raise _refused(
            path, [_at(last + 1, f"该行起读不出，请检查引号 it cannot be read from here on; see to the quotes: {error}")]
        ) from None
    header = rows[0][1] if rows else []
    if sorted(header) != sorted(COLUMNS):
        raise _refused(path, [_at(1, f"表头应为 {','.join(COLUMNS)} the header must be {','.join(COLUMNS)}")])
    names: dict[str, tuple[str, str]] = {}
    faults: list[str] = []
    for number, cells in rows[1:]:
        if not any(cells):
            continue
        row = dict(zip(header, cells, strict=False))
        found = [_at(number, fault) for fault in _faults(row, cells, names)]
        faults += found
        if not found:
            names[row["code"]] = (row["zh"], row["en"] or row["zh"])
    if faults:
        raise _refused(path, faults)
    return names


def _faults(row: Mapping[str, str], cells: Sequence[str], names: Names) -> Iterator[str]:
    """What is wrong with one row."""
    if len(cells) != len(COLUMNS):
        yield f"应有 {len(COLUMNS)} 列，实有 {len(cells)} 列 {len(COLUMNS)} cells are expected, not {len(cells)}"
        return
    if not REGION.match(row["code"]):
        yield f"code 应为 6、9 或 12 位数字（表格软件中请设为文本） code must be 6, 9 or 12 digits, kept as text: {row['code']!r}"
    elif row["code"] in names:
        yield f"代码重复 the code stands twice: {row['code']}"
    if not row["zh"]:
        yield "zh 必须填写 zh must be given"
    for column in ("zh", "en"):
        if len(row[column]) > LONGEST_NAME or not row[column].isprintable():
            yield f"{column} 最多 {LONGEST_NAME} 个普通字符 {column} may have {LONGEST_NAME} plain characters at most"


def _at(line: int, fault: str) -> str:
    return f"第 {line} 行 line {line}: {fault}"


def _refused(path: Path, faults: Sequence[str]) -> UserError:
    told = [*faults[:MOST_TOLD], *([f"… 另有 and {len(faults) - MOST_TOLD} more"] if len(faults) > MOST_TOLD else [])]
    return UserError(f"地名文件不可用 the file of place names cannot be used: {path}\n  " + "\n  ".join(told))
