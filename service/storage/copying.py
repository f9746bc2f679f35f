"""Millions of rows into PostgreSQL by COPY in its binary form, put together by numpy instead of cell by cell.

In that form a row is its number of cells (two bytes), then each cell as its length (four bytes) and its bytes, most significant first;
NULL is the length -1 and no bytes. Here each cell gets room for the longest of its column, and the room that is not used is cut out
of the whole block at once. Worked example, the row (household 5, amount NULL) with a two-byte household: 00 02 | 00 00 00 02 00 05 |
ff ff ff ff and eight bytes that are cut out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Boolean, Connection, Double, Integer, SmallInteger, String, Table
from sqlalchemy.types import TypeEngine

BLOCK_BYTES = 8_000_000  # room put together at a time
BLOCK_ROWS = 50_000
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
# A kind of column and how PostgreSQL holds it; a kind stands before those it is a kind of.
NUMBERS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Boolean, ">i1"),
    (SmallInteger, ">i2"),
    (BigInteger, ">i8"),
    (Integer, ">i4"),
    (Double, ">f8"),
)

Bytes = npt.NDArray[np.uint8]
Cells = npt.NDArray[Any] | Sequence[Any]


def copy_columns(connection: Connection, table: Table, columns: Mapping[str, Cells], rows: int) -> None:
    """Copies many rows, given column by column, into a table.

    Args:
        connection: inside a transaction; from here on it may take as long as it takes.
        table: where to.
        columns: by column name, `rows` cells each; in arrays of floats NaN stands for NULL, lists carry None.
        rows: how many.
    """
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    names = ", ".join(f'"{name}"' for name in columns)
    driver: Any = connection.connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN (FORMAT BINARY)') as copy:
        copy.write(SIGNATURE)
        start, step = 0, 1_000
        while start < rows:
            block = _block([_cells(table.c[name].type, cells[start : start + step]) for name, cells in columns.items()])
            copy.write(block)
            start += step
            step = max(1, min(BLOCK_ROWS, step * BLOCK_BYTES // max(1, len(block))))
        copy.write(END)


def _block(cells: Sequence[tuple[Bytes, npt.NDArray[np.int32]]]) -> bytes:
    """The rows of a block.

    Args:
        cells: for each column the (rows, width) bytes of its cells and the (rows,) length of each, -1 for NULL.
    """
    rows = len(cells[0][1])
    head = np.full(rows, len(cells), ">i2").view(np.uint8).reshape(rows, 2)
    parts, used = [head], [np.ones((rows, 2), dtype=bool)]
    for content, length in cells:
        parts += [length.astype(">i4").view(np.uint8).reshape(rows, 4), content]
        used += [np.ones((rows, 4), dtype=bool), np.arange(content.shape[1]) < length[:, None]]
    block: bytes = np.hstack(parts)[np.hstack(used)].tobytes()
    return block


def _cells(kind: TypeEngine[Any], values: Cells) -> tuple[Bytes, npt.NDArray[np.int32]]:
    if isinstance(kind, String):
        return _texts(values)
    form = next((form for of, form in NUMBERS if isinstance(kind, of)), None)
    if form is None:
        raise TypeError(f"no binary form is known for {kind!r}")
    if not isinstance(values, np.ndarray):
        values = np.array([np.nan if cell is None else cell for cell in values])
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    numbers = np.where(missing, 0, values).astype(form)
    size = numbers.dtype.itemsize
    return numbers.view(np.uint8).reshape(len(values), size), np.where(missing, -1, size).astype(np.int32)


def _texts(values: Cells) -> tuple[Bytes, npt.NDArray[np.int32]]:
    plain = values.tolist() if isinstance(values, np.ndarray) else values
    encoded = [None if cell is None else str(cell).encode() for cell in plain]
    length = np.array([-1 if cell is None else len(cell) for cell in encoded], dtype=np.int32)
    width = max(1, int(length.max(initial=0)))
    return np.array([cell or b"" for cell in encoded], dtype=f"S{width}").view(np.uint8).reshape(len(encoded), width), length
