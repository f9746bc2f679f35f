"""One file of a table: its cells as they are written, or why it cannot be read."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from features.age import AGE_COLUMNS
from features.errors import PROBLEMS_KEPT, Problem, RegisterError
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
    try:
        cells = _cells(path, schema, since)
        problems = _of_another_kind(table, cells, schema) if schema is not None else []
        if not problems:
            return _plain_text(cells)
    except MemoryError:  # Arrow's own is an ArrowException too
        raise
    except (pa.ArrowException, OSError, UnicodeError, csv.Error):
        problems = _damage(table, path)
    raise RegisterError(f"数据表 {table} 无法读取 the table {table} cannot be read as CSV (UTF-8) or Parquet", problems)


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


def together(parts: Sequence[pa.Table]) -> pa.Table:
    """The parts of a table one after the other."""
    if len(parts) == 1:
        return parts[0]
    try:
        return pa.concat_tables(parts, promote_options="permissive").unify_dictionaries()
    except pa.ArrowTypeError:  # one part writes a column as numbers or dates, another as text
        kinds: dict[str, set[pa.DataType]] = {}
        for field in (field for part in parts for field in part.schema):
            kinds.setdefault(field.name, set()).add(field.type)
        unlike = {name for name, found in kinds.items() if len(found) > 1}
        return pa.concat_tables([_as_text(part, unlike) for part in parts], promote_options="permissive").unify_dictionaries()


def _as_text(part: pa.Table, columns: Set[str]) -> pa.Table:
    """The table with some of its columns as a CSV file would write them."""
    for place, name in enumerate(part.column_names):
        if name in columns:
            values = part.column(place)
            days = values.cast(pa.date32()) if pa.types.is_timestamp(values.type) else values
            part = part.set_column(place, name, days.cast(pa.string()))
    return part


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


def _of_another_kind(table: str, cells: pa.Table, schema: Table) -> list[Problem]:
    """Columns that stand there twice, or of bytes, lists or times of day, which no cell of a register is."""
    found = []
    for column in schema.columns:
        fields = [field.type for field in cells.schema if field.name == column.name]
        if len(fields) > 1:
            found.append(
                Problem(table, None, column.name, "该列出现不止一次 the column stands there more than once", "请只保留一列 keep one")
            )
        elif fields and any(is_kind(fields[0]) for is_kind in _NO_CELLS):
            found.append(Problem(table, None, column.name, "不是普通单元格 holds no plain cells", "请按文本保存 write it as text"))
    return found


_NO_CELLS = (
    pa.types.is_nested,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
    pa.types.is_time,
    pa.types.is_duration,
    pa.types.is_interval,
)


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers, or nothing; yes and no are no numbers."""
    types = pa.types
    return any(is_kind(kind) for is_kind in (types.is_integer, types.is_floating, types.is_decimal, types.is_null))


def _plain_text(cells: pa.Table) -> pa.Table:
    """The same cells, their text in the one type that is read further: pandas and others write it in others as well."""
    for place, field in enumerate(cells.schema):
        if pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type):
            cells = cells.set_column(place, field.name, cells.column(place).cast(pa.string()))
    return cells


def _damage(table: str, path: Path) -> list[Problem]:
    """What is wrong with a file that cannot be read, by its lines."""
    if path.suffix != ".csv":
        return [Problem(table, None, None, "不是完整的 Parquet 文件 it is no whole Parquet file", "请重新导出 write it again")]
    row = _undecodable(path)
    if row is not None:
        reason = "该行不是 UTF-8 编码 the row is not written in UTF-8"
        return [Problem(table, row, None, reason, "请另存为 CSV UTF-8 save it as CSV UTF-8")]
    line = 1
    uneven: list[Problem] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            width = len(next(rows, []))
            for cells in rows:
                line = rows.line_num
                if cells and len(cells) != width and len(uneven) < PROBLEMS_KEPT:
                    reason = f"该行 {len(cells)} 列，表头 {width} 列 the row has {len(cells)} cells, the header {width}"
                    uneven.append(Problem(table, line, None, reason, "含逗号的单元格请加引号 put cells that hold a comma in quotes"))
    except csv.Error:
        uneven.append(Problem(table, line + 1, None, "该行无法拆分 the row cannot be taken apart", "请检查引号 see to its quotes"))
    unreadable = Problem(table, None, None, "文件无法读取 the file cannot be read", "请重新另存为 CSV UTF-8 save it again as CSV UTF-8")
    return uneven or [unreadable]


def _undecodable(path: Path) -> int | None:
    """The first line that is not written in UTF-8; None where all are."""
    with path.open("rb") as lines:
        for row, line in enumerate(lines, start=1):
            try:
                line.decode()
            except UnicodeError:
                return row
    return None
