"""The connection to the database: SQLite in write-ahead mode by default; readers never wait for the writer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Boolean, Connection, Engine, Integer, Select, Table, create_engine, event, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeEngine

from features.errors import UserError
from service.storage.tables import metadata

BLOCK = 100_000  # rows turned into Python objects at a time: keeps the memory of a large import flat
VALUES_A_STATEMENT = 448
BUSY_SECONDS = 30


class Database:
    """One database; `reading()` and `writing()` give connections inside a transaction.

    Args:
        url: SQLAlchemy address, `sqlite:///var/fangpin.db` for a file.
    """

    def __init__(self, url: str) -> None:
        address = make_url(url)
        self.is_sqlite = address.get_backend_name() == "sqlite"
        if self.is_sqlite and address.database and address.database != ":memory:":
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        try:
            self.engine: Engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS} if self.is_sqlite else {})
        except ModuleNotFoundError as error:
            raise UserError(f"the database driver for {address.drivername} is not installed 缺少数据库驱动: {error.name}") from None
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    def create(self) -> None:
        """Creates the tables that are not there yet; what is there stays as it is.

        Raises:
            UserError: a table of another version of this programme is there.
        """
        with self.writing() as connection:
            there = inspect(connection)
            known = set(there.get_table_names()) & set(metadata.tables)
            older = [name for name in sorted(known) if {c["name"] for c in there.get_columns(name)} != set(metadata.tables[name].c.keys())]
            if older:
                raise UserError(
                    f"数据库由另一版本建立 the database was made by another version of this programme (tables 表: {', '.join(older)}): "
                    "use that version, or set FANGPIN_DATABASE_URL to a new file and import again 或另设数据库后重新导入"
                )
            metadata.create_all(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database, whatever is written meanwhile."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes appear all at once at the end, or not at all."""
        with self.engine.connect().execution_options(fangpin_write=True) as connection, connection.begin():
            yield connection

    def check(self) -> None:
        """Raises if the database does not answer."""
        with self.reading() as connection:
            connection.execute(select(1)).scalar_one()

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver's own transaction handling is switched off: it leaves SELECTs outside transactions and begins writes too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("page_size=16384", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-32768"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: two writers then queue, where a lock taken late would fail one of them halfway.
    write = connection.get_execution_options().get("fangpin_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


Cells = npt.NDArray[Any] | Sequence[Any]


def insert_columns(connection: Connection, table: Table, columns: Mapping[str, Cells], rows: int) -> None:
    """Inserts many rows given column by column; some 400,000 narrow rows a second on SQLite.

    Args:
        connection: inside a transaction.
        table: where to.
        columns: by column name, `rows` cells each; in arrays of floats NaN stands for NULL, lists carry None.
        rows: how many.
    """
    names = list(columns)
    if connection.dialect.name != "sqlite":
        kinds = [_python_type(table.c[name].type) for name in names]
        for start in range(0, rows, BLOCK):
            lists = [_with_nulls(columns[name][start : start + BLOCK], kind) for name, kind in zip(names, kinds, strict=True)]
            connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)])
        return
    # Past SQLAlchemy's row dictionaries, and many rows a statement: together four times faster. SQLite takes NaN as NULL and a whole
    # number written as a float as an integer.
    width = len(names)
    many = max(1, VALUES_A_STATEMENT // width)
    cursor = connection.connection.cursor()
    for start in range(0, rows, BLOCK):
        cells = list(chain.from_iterable(zip(*(_list(columns[name][start : start + BLOCK]) for name in names), strict=True)))
        full = len(cells) // (many * width) * many * width
        step = many * width
        cursor.executemany(_insert_text(table, names, many), [cells[at : at + step] for at in range(0, full, step)])
        cursor.executemany(_insert_text(table, names, 1), [cells[at : at + width] for at in range(full, len(cells), width)])
    cursor.close()


def _insert_text(table: Table, names: Sequence[str], rows: int) -> str:
    marks = "(" + ", ".join("?" * len(names)) + ")"
    quoted = ", ".join(f'"{name}"' for name in names)
    return f'INSERT INTO "{table.name}" ({quoted}) VALUES ' + ", ".join([marks] * rows)  # noqa: S608 (names are the declared columns)


def _list(cells: Cells) -> list[Any]:
    return cells.tolist() if isinstance(cells, np.ndarray) else list(cells)


def _python_type(kind: TypeEngine[Any]) -> Callable[[float], Any]:
    return bool if isinstance(kind, Boolean) else int if isinstance(kind, Integer) else float


def _with_nulls(cells: Cells, kind: Callable[[float], Any]) -> list[Any]:
    plain = _list(cells)
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "f":
        return [None if isnan(cell) else kind(cell) for cell in plain]
    return plain


def plain_rows(connection: Connection, statement: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a query as the driver gives them, for reading millions of numbers: result rows would cost five times as much.

    Args:
        connection: inside a transaction.
        statement: a query whose only parameters are plain numbers and texts.
    """
    text = str(statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text)
        while rows := cursor.fetchmany(BLOCK):
            yield from rows
    finally:
        cursor.close()
