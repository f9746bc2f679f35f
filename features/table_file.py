"""One file of a table: its cells as they are written, or why it cannot be read."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from features.age import AGE_COLUMNS
from features.errors import Problem, RegisterError
from features.tables import TABLES, Table


def read_table_file(path: Path, schema: Table | None = None, since: dt.date | None = None) -> pa.Table:
    """The cells of one file as written; CSV cells are all text, so that "001" stays "001".

    Args:
        path: a .parquet or .csv file.
        schema: its table.
        since: leave out rows of a Parquet file that lie before this day.

    Raises:
        RegisterError: it cannot be read; says where, and quotes nothing of it: whatever stands there may be a person's.
    """
    table = path.stem if path.stem in TABLES else f"{path.parent.name}/{path.name}"
    problem: Problem | None
    try:
        cells = _cells(path, schema, since)
        problem = _of_another_kind(table, cells, schema) if schema is not None else None
        if problem is None:
            return cells
    except MemoryError:  # Arrow's own is an ArrowException too
        raise
    except (pa.ArrowException, OSError, UnicodeError, csv.Error):
        problem = _damage(table, path)
    raise RegisterError(f"数据表 {table} 无法读取 the table {table} cannot be read as CSV (UTF-8) or Parquet", [problem])


def _cells(path: Path, schema: Table | None, since: dt.date | None) -> pa.Table:
    if path.suffix != ".csv":
        column = AGE_COLUMNS.get(schema.name) if schema else None
        with pyarrow.parquet.ParquetFile(path) as file:
            groups: Iterable[pa.Table] = map(file.read_row_group, range(file.num_row_groups))
            if since is not None and column in file.schema_arrow.names:
                groups = (group.filter(_since(group[column], since)) for group in groups)
            return pa.concat_tables(list(groups) or [file.read()])
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header = next(csv.reader(stream), [])
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True, quoted_strings_can_be_null=True
    )
    return pyarrow.csv.read_csv(path, convert_options=options)


def rows_kept(path: Path, schema: Table, since: dt.date | None = None) -> Sequence[int]:
    """Where each row that `read_table_file` gives stands in its file: the line of a CSV, the row of Parquet from 1."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig") as lines:
            return [number for number, line in enumerate(lines, start=1) if line.rstrip("\r\n")][1:]
    column = AGE_COLUMNS.get(schema.name)
    with pyarrow.parquet.ParquetFile(path) as file:
        if since is None or column not in file.schema_arrow.names:
            return range(1, file.metadata.num_rows + 1)
        groups = (file.read_row_group(number, columns=[column])[column] for number in range(file.num_row_groups))
        kept = [found for group in groups for found in _since(group, since).to_pylist()]
    return [number for number, found in enumerate(kept, start=1) if found]


def _since(values: pa.ChunkedArray, since: dt.date) -> pa.ChunkedArray:
    """Which rows do not lie before a day; a blank is not known to be old."""
    if pa.types.is_dictionary(values.type):  # compares the few words, not the many rows
        recent = [_since(pa.chunked_array([chunk.dictionary]), since).take(chunk.indices) for chunk in values.chunks]
        return pc.fill_null(pa.chunked_array([chunk for part in recent for chunk in part.chunks], pa.bool_()), True)
    bound = pa.scalar(since) if pa.types.is_date(values.type) else pa.scalar(since.isoformat()[:7])
    return pc.fill_null(pc.greater_equal(values, bound), True)


def _of_another_kind(table: str, cells: pa.Table, schema: Table) -> Problem | None:
    """A column of bytes or lists, which no cell of a register is."""
    types = pa.types
    for column in schema.columns:
        if column.name in cells.column_names:
            kind = cells.schema.field(column.name).type
            if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
                return Problem(table, None, column.name, "不是普通单元格 holds no plain cells", "请按文本保存 write it as text")
    return None


def _damage(table: str, path: Path) -> Problem:
    """The first thing that is wrong with a file that cannot be read, by its line."""
    if path.suffix != ".csv":
        return Problem(table, None, None, "不是完整的 Parquet 文件 it is no whole Parquet file", "请重新导出 write it again")
    row = _undecodable(path)
    if row is not None:
        reason = "该行不是 UTF-8 编码 the row is not written in UTF-8"
        return Problem(table, row, None, reason, "请另存为 CSV UTF-8 save it as CSV UTF-8")
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            width = len(next(rows, []))
            for cells in rows:
                line = rows.line_num
                if cells and len(cells) != width:
                    reason = f"该行 {len(cells)} 列，表头 {width} 列 the row has {len(cells)} cells, the header {width}"
                    return Problem(table, line, None, reason, "含逗号的单元格请加引号 put cells that hold a comma in quotes")
    except csv.Error:
        return Problem(table, line + 1, None, "该行无法拆分 the row cannot be taken apart", "请检查引号 see to its quotes")
    return Problem(table, None, None, "文件无法读取 the file cannot be read", "请重新另存为 CSV UTF-8 save it again as CSV UTF-8")


def _undecodable(path: Path) -> int | None:
    """The first line that is not written in UTF-8; None where all are."""
    with path.open("rb") as lines:
        for row, line in enumerate(lines, start=1):
            try:
                line.decode()
            except UnicodeError:
                return row
    return None
