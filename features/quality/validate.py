"""Looks through a whole register folder and names everything that is wrong with it, file by file, before anything is loaded."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.compute as pc
import pyarrow.parquet

from features.errors import Problem
from features.folder import read_info, table_files
from features.quality.rules import DUPLICATE, RULES, RowRule, days_after, mark_repeated
from features.quality.schemas import cell_schema, decode, refusal, row_schema
from features.read import PROBLEMS_KEPT
from features.register import RegisterInfo
from features.table_file import read_table_file
from features.tables import TABLES, Column, Kind, Table
from features.template import read_cells


def validate(folder: Path, *, keep: int = PROBLEMS_KEPT, progress: Callable[[str], None] = lambda _: None) -> list[Problem]:
    """Everything that is wrong with a register folder.

    One file is in memory at a time, beside the ids of households and members.

    Args:
        folder: as `features.read.read_register` takes it.
        keep: at most so many problems are listed for one check of one file.
        progress: called with each file's name as it starts.

    Returns:
        problems in the order of tables, files and rows; empty where the register is in order.

    Raises:
        RegisterError: register.yaml itself cannot be read.
    """
    info = read_info(folder)
    files = {name: table_files(folder, name) for name in TABLES}
    if not files["households"]:
        return [
            Problem(
                "households",
                None,
                None,
                f"{folder} holds no households table 缺少户表",
                "add households.parquet, households.csv or households/ 请补充户表",
            )
        ]
    households = _ids(files["households"], "household_id")
    members = _ids(files["members"], "member_id")
    problems: list[Problem] = []
    for name, paths in files.items():
        for path in paths:
            progress(path.name)
            label = name if len(paths) == 1 else f"{name}/{path.name}"
            problems += check_table(read_table_file(path), TABLES[name], info, households, members, label=label, keep=keep)
    return problems


def validate_workbook(path: Path, *, keep: int = PROBLEMS_KEPT) -> list[Problem]:
    """Everything that is wrong with a filled-in template, by sheet and Excel row.

    Raises:
        RegisterError: the file is no workbook, or a sheet lacks what it must have.
    """
    filled = read_cells(path)
    households = pc.unique(filled.frames["households"]["household_id"])
    members = pc.unique(filled.frames["members"]["member_id"]) if "members" in filled.frames else households[:0]
    problems = list(filled.problems)
    for name, cells in filled.frames.items():
        found = check_table(cells, TABLES[name], filled.info, households, members, keep=keep)
        problems += [filled.in_sheet(problem) for problem in found]
    return problems


def check_table(
    cells: arrow.Table,
    table: Table,
    info: RegisterInfo,
    households: arrow.Array,
    members: arrow.Array,
    *,
    label: str = "",
    keep: int = PROBLEMS_KEPT,
) -> list[Problem]:
    """Everything that is wrong with one table.

    Args:
        cells: the rows, columns named as declared.
        table: the declaration.
        info: the register's description: which indicators it declares and until when it claims to be complete.
        households: every household id of the households table.
        members: every member id of the members table.
        label: what the table is called in the problems, its name unless told.
        keep: at most so many problems of one check.
    """
    label = label or table.name
    declared = {column.name for column in table.columns}
    problems = [
        Problem(label, None, extra, "unknown column, not read 未知列，未读取", "check its name 请核对列名")
        for extra in cells.column_names
        if extra not in declared
    ]
    if not len(cells):
        absent = [column for column in table.columns if column.required and column.name not in cells.column_names]
        return problems + [_column_missing(label, column) for column in absent]
    frame = _frame(cells, table)
    problems += _cell_problems(frame, table, label, keep)
    if "household_id" not in frame:
        return problems
    household = frame["household_id"]
    stranger = "the household is not in the households table 户表中无此户", "add it to households 请在户表补录"
    problems += _unknown(household, households, label, stranger, keep)
    if table.name != "members" and "member_id" in frame:
        stranger = "the member is not in the members table 成员表中无此人", "add the member 请在成员表补录"
        problems += _unknown(frame["member_id"], members, label, stranger, keep)
    if table.name == "indicators" and "name" in frame:
        names = arrow.array([indicator.name for indicator in info.indicators], arrow.string())
        stranger = "the indicator is not declared in register.yaml 指标未声明", "declare it there 请在 register.yaml 声明"
        problems += _unknown(frame["name"], names, label, stranger, keep)
    return problems + _row_problems(decode(table, frame, household), table, info, label, keep)


def write_problems(problems: Sequence[Problem], path: Path) -> None:
    """Writes problems as a table that Excel opens: table, row, column, reason, remedy."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["表 table", "行 row", "列 column", "原因 reason", "改法 remedy"])
        for problem in problems:
            writer.writerow([problem.table, problem.row or "", problem.column or "", problem.reason, problem.remedy])


def _ids(paths: Sequence[Path], column: str) -> arrow.Array:
    found: list[str] = []
    for path in paths:
        cells = read_table_file(path)
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
        numeric = arrow.types.is_integer(values.type) or arrow.types.is_floating(values.type)
        if column.kind is Kind.NUMBER and numeric:
            columns[column.name] = values.to_pandas()
            continue
        if arrow.types.is_null(values.type):
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


def _cell_problems(frame: pd.DataFrame, table: Table, label: str, keep: int) -> list[Problem]:
    problems = []
    for column, check, case, row in _failures(cell_schema(table, keep), frame):
        if check == "column_in_dataframe":
            problems.append(_column_missing(label, table.column(str(case))))
            continue
        declared = table.column(str(column))
        blank = check == "not_nullable"
        reason = f"{declared.name} ({declared.zh}) is missing 缺失" if blank else refusal(declared, case)
        remedy = "fill it in, else the row is left out 请补全，否则该行不载入" if declared.required else "correct the cell 请更正"
        problems.append(Problem(label, None if row is None else row + 1, declared.name, reason, remedy))
    return sorted(problems[: keep * len(table.columns)], key=lambda problem: (problem.row is not None, problem.row or 0))


def _column_missing(label: str, column: Column) -> Problem:
    return Problem(
        label, None, column.name, f"required column {column.name} ({column.zh}) is missing 缺少必填列", "add the column 请补充该列"
    )


def _row_problems(rows: pd.DataFrame, table: Table, info: RegisterInfo, label: str, keep: int) -> list[Problem]:
    mark_repeated(table.name, rows)
    rules: dict[str, RowRule] = {rule.name: rule for rule in (*RULES.get(table.name, ()), DUPLICATE)}
    schema = row_schema(table, keep)
    if info.known_until is not None:
        until = days_after(info.known_until.toordinal())
        rules[until.name] = until
        schema.checks.append(pa.Check(lambda frame: ~until.broken(frame), name=until.name, n_failure_cases=keep))
    broken = dict.fromkeys((row, check) for _, check, _, row in _failures(schema, rows) if row is not None)
    return [Problem(label, row + 1, rules[check].column, rules[check].reason, rules[check].remedy) for row, check in sorted(broken)]


def _unknown(words: pd.Series[Any], known: arrow.Array, label: str, said: tuple[str, str], keep: int) -> list[Problem]:
    missing = ~words.isin(known.to_pylist()) & words.notna()
    return [Problem(label, int(row) + 1, str(words.name), *said) for row in missing.to_numpy().nonzero()[0][:keep]]
