"""Reads INDEC's published household survey files (EPH, base usuaria) as they are: plain or gzipped, any quarters, any year's column set.

`usu_hogar_t107.txt` holds one row a household of quarter 1 of 2007, `usu_individual_t107.txt` one row a person. Other years write the
name in other cases, decimals with a comma, blanks as `None` or `-9`, and household codes as text; columns come and go. So columns are
found by name in any case, a column that a file lacks is missing for its rows, and only household key, income and size are required.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from features.errors import UserError

FILE_NAME = re.compile(r"usu_(hogar|individual)_t([1-4])(\d{2})(?:\.txt|\.csv)?(?:\.gz)?", re.IGNORECASE)
REFUSED_HOUSEHOLD = 50  # NRO_HOGAR from 50 on is domestic staff and lodgers counted apart, COMPONENTE from 50 on is no member
NO_ANSWER = (12, 13)  # DECIFR of households that did not answer on income

HOUSEHOLD_COLUMNS = (
    "REALIZADA", "REGION", "AGLOMERADO", "PONDERA", "IV1", "IV2", "IV3", "IV4", "IV5", "IV6", "IV7", "IV8",
    "IV9", "IV10", "IV11", "IV12_1", "IV12_2", "IV12_3", "II1", "II2", "II4_1", "II4_2", "II4_3", "II7",
    "II8", "II9", "V1", "V2", "V21", "V22", "V3", "V4", "V5", "V6", "V7", "V8", "V9", "V10", "V11", "V12",
    "V13", "V14", "V15", "V16", "V17", "V18", "V19_A", "V19_B", "IX_TOT", "ITF", "DECIFR", "IDIMPH",
)  # fmt: skip
PERSON_COLUMNS = (
    "COMPONENTE", "CH03", "CH04", "CH06", "CH08", "CH09", "CH10", "CH11", "CH12", "NIVEL_ED", "ESTADO",
    "CAT_OCUP", "CAT_INAC", "PP3E_TOT", "PP03G", "PP03I", "INTENSI", "PP04A", "PP04B1", "PP04C", "PP04D_COD",
    "PP05H", "PP07A", "PP07C", "PP07E", "PP07G1", "PP07G4", "PP07H", "PP07I", "PP10A", "P21", "TOT_P12",
    "V2_M", "V3_M", "V4_M", "V5_M", "V8_M", "V9_M", "V10_M", "V11_M", "V12_M", "T_VI",
)  # fmt: skip
REQUIRED = {"hogar": ("CODUSU", "NRO_HOGAR", "ITF", "IX_TOT"), "individual": ("CODUSU", "NRO_HOGAR", "COMPONENTE", "CH06")}


class PanelError(UserError):
    """The survey files cannot be used as they are."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All rows of the survey files, numbers as float64 (NaN missing), columns in upper case.

    Attributes:
        households: household, quarter (number, `quarter_number`), and HOUSEHOLD_COLUMNS.
        persons: household, quarter, and PERSON_COLUMNS.
    """

    households: pd.DataFrame
    persons: pd.DataFrame


def quarter_number(text: str) -> int:
    """A quarter as a running number, so that differences count quarters.

    >>> quarter_number("2010Q1") - quarter_number("2008Q4")
    5
    """
    match = re.fullmatch(r"(\d{4})Q([1-4])", text.strip().upper())
    if not match:
        raise PanelError(f"不是季度 {text!r} is no quarter; write 2008Q4")
    return int(match[1]) * 4 + int(match[2]) - 1


def quarter_text(number: int) -> str:
    """The quarter's name.

    >>> quarter_text(quarter_number("2008Q4"))
    '2008Q4'
    """
    return f"{number // 4}Q{number % 4 + 1}"


def survey_files(folder: Path) -> dict[int, dict[str, Path]]:
    """The files by quarter and kind; a quarter counts only where both its files are there."""
    found: dict[int, dict[str, Path]] = {}
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        match = FILE_NAME.fullmatch(path.name)
        if match:
            kind, quarter, year = match[1].lower(), int(match[2]), 2000 + int(match[3])
            found.setdefault(year * 4 + quarter - 1, {})[kind] = path
    whole = {number: kinds for number, kinds in found.items() if len(kinds) == len(REQUIRED)}
    if not whole:
        raise PanelError(
            f"{folder} 未找到调查数据文件 holds no pair of survey files: expected usu_hogar_tQYY.txt(.gz) "
            "beside usu_individual_tQYY.txt(.gz)"
        )
    return dict(sorted(whole.items()))


def read_survey(folder: Path, progress: Callable[[str], None] = lambda _: None) -> Survey:
    """Reads every quarter of a folder.

    Args:
        folder: INDEC's files.
        progress: called with each quarter's name.

    Raises:
        PanelError: no files, or a file without the household key, income or size.
    """
    households, persons = [], []
    for number, kinds in survey_files(folder).items():
        progress(quarter_text(number))
        homes = _read(kinds["hogar"], "hogar", HOUSEHOLD_COLUMNS)
        homes = homes[(homes["REALIZADA"].isna() | (homes["REALIZADA"] == 1)) & (homes["IX_TOT"] > 0)]
        homes.loc[(homes["ITF"] < 0) | homes["DECIFR"].isin(NO_ANSWER), "ITF"] = np.nan
        people = _read(kinds["individual"], "individual", PERSON_COLUMNS)
        people = people[people["COMPONENTE"] < REFUSED_HOUSEHOLD]
        for frame in (homes, people):
            frame.insert(1, "quarter", number)
        households.append(homes.drop_duplicates("household"))
        persons.append(people[people["household"].isin(homes["household"])])
    return Survey(pd.concat(households, ignore_index=True), pd.concat(persons, ignore_index=True))


def _read(path: Path, kind: str, wanted: Sequence[str]) -> pd.DataFrame:
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise PanelError(f"{path.name} 无法读取 cannot be read: {error}; 请重新下载 download it again") from None
    first = content[: content.find(b"\n")].decode("latin-1").removeprefix("ï»¿")
    header = [name.strip().strip('"').upper() for name in first.split(";")]
    if missing := [name for name in REQUIRED[kind] if name not in header]:
        raise PanelError(f"{path.name} 缺少列 lacks the columns {', '.join(missing)}; expected INDEC's header in line 1, separated by ';'")
    # some years end every line, but not the header, with one more separator
    second = content[len(first) + 1 : content.find(b"\n", len(first) + 1)]
    header += [""] * (second.count(b";") + 1 - len(header))
    names = [name if name and header.index(name) == i else f"unused {i}" for i, name in enumerate(header)]
    present = [name for name in dict.fromkeys((*REQUIRED[kind], *wanted)) if name in header]
    table = pyarrow.csv.read_csv(
        BytesIO(content if content.endswith(b"\n") else content + b"\n"),
        pyarrow.csv.ReadOptions(column_names=names, skip_rows=1, encoding="latin1"),
        pyarrow.csv.ParseOptions(delimiter=";", invalid_row_handler=lambda _: "skip"),
        pyarrow.csv.ConvertOptions(include_columns=present, column_types=dict.fromkeys(present, pa.string())),
    )
    rows = content.rstrip().count(b"\n")
    if len(table) < rows * 0.99:
        raise PanelError(
            f"行列数与表头不符 {path.name}: {rows - len(table)} of {rows} lines do not have the header's {len(header)} columns"
        )
    number = _numbers(table["NRO_HOGAR"])
    household = pc.binary_join_element_wise(pc.utf8_trim_whitespace(table["CODUSU"]), pc.utf8_trim_whitespace(table["NRO_HOGAR"]), "-")
    frame: dict[str, object] = {"household": household.to_pandas()}
    for name in wanted:
        frame[name] = _numbers(table[name]) if name in header else np.full(len(table), np.nan)
    return pd.DataFrame(frame)[number < REFUSED_HOUSEHOLD].copy()


def _numbers(cells: pa.ChunkedArray) -> np.ndarray:
    """Numbers of text cells; a decimal comma counts as a point, whatever is no number as missing."""
    coded = cells.combine_chunks().dictionary_encode()
    values = np.array([_number(cell) for cell in coded.dictionary.to_pylist()] + [np.nan])
    return np.asarray(values[coded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)])


def _number(cell: str) -> float:
    try:
        number = float(cell.strip().replace(",", "."))
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
