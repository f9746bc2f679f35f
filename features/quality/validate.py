"""Looks through a whole register folder and names everything that is wrong with it, file by file, before anything is loaded."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.compute as pc
import pyarrow.parquet

from features.complaints import CORRECT, STRANGER, UNDECLARED, Complaints, column_missing, other_county
from features.errors import PROBLEMS_KEPT, Problem, RegisterError
from features.folder import read_info, table_files
from features.household import VILLAGE_CODE
from features.place import FileRows, Where, file_label
from features.quality.rules import RULES, RowRule, days_after
from features.quality.schemas import TEXTS, cell_schema, decode, refusal
from features.register import Array, RegisterInfo, assemble
from features.table_file import is_numeric, read_table_file
from features.tables import TABLES, Kind, Table
from features.template import read_cells


def validate(
    folder: Path, *, today: dt.date | None = None, keep: int = PROBLEMS_KEPT, progress: Callable[[str], None] = lambda _: None
) -> list[Problem]:
    """Everything that is wrong with a register folder.

    One file is in memory at a time, beside the ids of households and members.

    Args:
        folder: as `features.read.read_register` takes it.
        today: nothing may be known later; without it nobody asks.
        keep: at most so many problems are listed for one check of one file.
        progress: called with each file's name as it starts.

    Returns:
        problems in the order of tables, files and rows; empty where the register is in order.

    Raises:
        RegisterError: there is no such folder, or register.yaml itself cannot be read.
    """
    if not folder.is_dir():
        raise RegisterError(f"没有这个目录或文件 no such folder or file: {folder}; 请核对路径 check the path")
    info = read_info(folder)
    files = {name: table_files(folder, name) for name in TABLES}
    if not files["households"]:
        return [
            Problem(
                "households",
                None,
                None,
                f"{folder} 缺少户表 holds no households table",
                "请补充户表 add households.parquet, households.csv or households/",
            )
        ]
    households, members = _ids(files, "households", "household_id"), _ids(files, "members", "member_id")
    problems: list[Problem] = []
    for name, paths in files.items():
        for path in paths:
            progress(path.name)
            where = FileRows(path, file_label(name, path, len(paths)), TABLES[name])
            try:
                cells = read_table_file(path, TABLES[name])
            except RegisterError as damaged:
                problems += damaged.problems
                continue
            problems += check_table(cells, TABLES[name], info, households, members, where=where, today=today, keep=keep)
    return problems


def validate_workbook(path: Path, *, today: dt.date | None = None, keep: int = PROBLEMS_KEPT) -> list[Problem]:
    """Everything that is wrong with a filled-in template, by sheet and Excel row.

    Raises:
        RegisterError: there is no such file, it is no workbook, or a sheet lacks what it must have.
    """
    if not path.is_file():
        raise RegisterError(f"没有这个目录或文件 no such folder or file: {path}; 请核对路径 check the path")
    filled = read_cells(path)
    households = pc.unique(filled.frames["households"]["household_id"])
    members = pc.unique(filled.frames["members"]["member_id"]) if "members" in filled.frames else households[:0]
    problems = list(filled.problems)
    for name, cells in filled.frames.items():
        problems += check_table(cells, TABLES[name], filled.info, households, members, where=filled.where(name), today=today, keep=keep)
    return problems


def check_table(
    cells: arrow.Table,
    table: Table,
    info: RegisterInfo,
    households: arrow.Array,
    members: arrow.Array,
    *,
    where: Where,
    today: dt.date | None = None,
    keep: int = PROBLEMS_KEPT,
) -> list[Problem]:
    """Everything that is wrong with one table.

    Args:
        cells: the rows, columns named as declared.
        table: the declaration.
        info: the register's description: its county, which indicators it declares and until when it claims to be complete.
        households: every household id of the households table.
        members: every member id of the members table.
        where: where its rows stand.
        today: nothing may be known later; without it nobody asks.
        keep: at most so many problems of one check.
    """
    label, _ = where(None)
    declared = {column.name for column in table.columns}
    problems = [
        Problem(label, None, extra, "未知列，未读取 unknown column, not read", "请核对列名 check its name")
        for extra in cells.column_names
        if extra not in declared
    ]
    if not len(cells):
        absent = [column for column in table.columns if column.required and column.name not in cells.column_names]
        return problems + [column_missing(label, column) for column in absent]
    frame = _frame(cells, table)
    problems += _cell_problems(frame, table, where, keep)
    if table.name == "households" and info.county and "village_code" in frame:
        problems += _elsewhere(frame["village_code"], info.county, where, keep)
    if "household_id" not in frame:
        return problems
    household = frame["household_id"]
    stranger = "户表中无此户 the household is not in the households table", "请在户表补录 add it to households"
    problems += _unknown(household, households, where, stranger, keep)
    if table.name != "members" and "member_id" in frame:
        problems += _unknown(frame["member_id"], members, where, STRANGER, keep)
    if table.name == "indicators" and "name" in frame:
        names = arrow.array([indicator.name for indicator in info.indicators], arrow.string())
        problems += _unknown(frame["name"], names, where, UNDECLARED, keep)
    latest = days_after(info.known_until, today)
    return problems + _row_problems(decode(table, frame), pd.factorize(household)[0].astype(np.int32), table, latest, where)


def write_problems(problems: Sequence[Problem], path: Path) -> None:
    """Writes problems as a table that Excel opens: table, row, column, reason, remedy."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["表 table", "行 row", "列 column", "原因 reason", "改法 remedy"])
        for problem in problems:
            writer.writerow([problem.table, problem.row or "", problem.column or "", problem.reason, problem.remedy])


def _ids(files: Mapping[str, Sequence[Path]], table: str, column: str) -> arrow.Array:
    found: list[str] = []
    for path in files[table]:
        cells = read_table_file(path, TABLES[table])
        if column in cells.column_names:
            found += pc.unique(cells[column].cast(arrow.string())).to_pylist()
    return arrow.array([word for word in dict.fromkeys(found) if word], arrow.string())


def _frame(cells: arrow.Table, table: Table) -> pd.DataFrame:
    """Cells for pandas: measured numbers as they are, everything else by its few distinct values."""
    columns: dict[str, Any] = {}
    for column in table.columns:
        if column.name not in cells.column_names:
            continue
        values = cells[column.name]
        if column.kind is Kind.NUMBER and is_numeric(values.type):
            columns[column.name] = values.cast(arrow.float64()).to_pandas()
            continue
        if arrow.types.is_null(values.type) or (column.kind in TEXTS and not arrow.types.is_dictionary(values.type)):
            values = values.cast(arrow.string())
        coded = values if arrow.types.is_dictionary(values.type) else values.dictionary_encode()
        coded = coded.unify_dictionaries().combine_chunks()
        words = (coded.chunk(0) if isinstance(coded, arrow.ChunkedArray) else coded).dictionary.to_pylist()
        places = (coded.chunk(0) if isinstance(coded, arrow.ChunkedArray) else coded).indices.fill_null(-1)
        columns[column.name] = pd.Categorical.from_codes(places.to_numpy(zero_copy_only=False), categories=pd.Index(words, dtype=object))
    return pd.DataFrame(columns, index=range(len(cells)))


def _failures(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> list[tuple[str | None, str, Any, int | None]]:
    """Every failure of a schema: column, check, cell, row (from 0)."""
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        return [
            (column, str(check), case, None if row is None or pd.isna(row) else int(row))
            for column, check, case, row in zip(cases["column"], cases["check"], cases["failure_case"], cases["index"], strict=True)
        ]
    return []


def _cell_problems(frame: pd.DataFrame, table: Table, where: Where, keep: int) -> list[Problem]:
    problems = []
    for column, check, case, row in _failures(cell_schema(table, keep), frame):
        if check == "column_in_dataframe":
            problems.append(column_missing(where(None)[0], table.column(str(case))))
            continue
        declared = table.column(str(column))
        blank = check == "not_nullable"
        reason = f"缺少 {declared.zh} {declared.name} is missing" if blank else refusal(declared, case)
        remedy = "请补全，否则该行不载入 fill it in, else the row is left out" if declared.required else CORRECT
        problems.append(Problem(*where(row), declared.name, reason, remedy))
    return sorted(problems[: keep * len(table.columns)], key=lambda problem: (problem.row is not None, problem.row or 0))


def _row_problems(columns: Mapping[str, Array], household: Array, table: Table, latest: Sequence[RowRule], where: Where) -> list[Problem]:
    findings = Complaints(where)
    for rule in (*RULES.get(table.name, ()), *latest):
        findings.rows(rule.broken(columns), rule.column, rule.reason, rule.remedy)
    every = np.ones(len(household), dtype=bool)
    assemble(table, household, columns, partial(findings.repeated, columns, every))
    return findings.sorted()


def _unknown(words: pd.Series[Any], known: arrow.Array, where: Where, said: tuple[str, str], keep: int) -> list[Problem]:
    missing = ~words.isin(known.to_pylist()) & words.notna()
    return [Problem(*where(int(row)), str(words.name), *said) for row in missing.to_numpy().nonzero()[0][:keep]]


def _elsewhere(villages: pd.Series[Any], county: str, where: Where, keep: int) -> list[Problem]:
    places, distinct = pd.factorize(villages)
    elsewhere = [bool(isinstance(code, str) and VILLAGE_CODE.fullmatch(code) and not code.startswith(county)) for code in distinct]
    rows = np.array([*elsewhere, False])[places].nonzero()[0][:keep]
    return [Problem(*where(int(row)), "village_code", *other_county(county)) for row in rows]
