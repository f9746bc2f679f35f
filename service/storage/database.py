"""The connection to the database: SQLite in write-ahead mode by default, PostgreSQL by its address.

On both, a reader sees one state however long it reads and never waits for a writer, and writers take turns: what holds on the one
holds on the other.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import URL, Connection, Engine, Select, Table, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from features.errors import UserError
from service.storage import migrating
from service.storage.copying import copy_columns

BLOCK = 100_000  # rows turned into Python objects at a time: keeps the memory of a large import flat
VALUES_A_STATEMENT = 448
BUSY_SECONDS = 30  # how long a writer waits for its turn
SECONDS_BETWEEN_ATTEMPTS = 0.01
CONNECT_SECONDS = 5
POOL_SECONDS = 10
WRITERS_TURN = 0x66616E67  # the number of PostgreSQL's lock that writers take in turn


class Database:
    """One database; `reading()` and `writing()` give connections inside a transaction.

    Args:
        url: SQLAlchemy address, `sqlite:///var/fangpin.db` for a file, `postgresql://user:password@host/name` for a server.
        pool: connections kept open to a server; twice as many more for a rush.
        statement_seconds: a question to a server that takes longer is given up; 0 waits for ever. Bulk reading and writing may take longer.
    """

    def __init__(self, url: str, *, pool: int = 5, statement_seconds: int = 0) -> None:
        address = _address(url)
        self.is_sqlite = address.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}}
        if not self.is_sqlite:
            given = address.query.get("options", "")
            limits = f"{given} -c statement_timeout={statement_seconds}s -c lock_timeout={BUSY_SECONDS}s".strip()
            options = {
                "connect_args": {"connect_timeout": CONNECT_SECONDS, "options": limits},
                "pool_size": pool,
                "max_overflow": 2 * pool,
                "pool_timeout": POOL_SECONDS,
            }
        elif address.database and address.database != ":memory:":
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        try:
            self.engine: Engine = create_engine(address, hide_parameters=True, **options)
        except (ModuleNotFoundError, ArgumentError):
            raise UserError(
                f"没有此数据库的驱动 there is no driver for {address.drivername}: write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
            ) from None
        self._watching: Any = None
        self._reader = self._writer = self.engine
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._writer = self.engine.execution_options(isolation_level="READ COMMITTED")

    def create(self) -> None:
        """Makes the tables of an empty database; several workers may do so at once. What is there stays as it is.

        Raises:
            UserError: the tables are those of an older or a newer programme; says what to do.
        """
        with self.reading() as connection:
            empty = migrating.is_empty(connection)
        if empty:
            with self.altering() as connection:
                if migrating.is_empty(connection):  # nobody else made them while this one waited for its turn
                    migrating.migrate(connection, migrating.head())
        with self.reading() as connection:
            migrating.check(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database, whatever is written meanwhile."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes appear all at once at the end, or not at all. Writers take turns: keep it short."""
        with self._writer.connect().execution_options(fangpin_write=True) as connection, connection.begin():
            if not self.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_TURN})")
            yield connection

    @contextmanager
    def altering(self) -> Iterator[Connection]:
        """As `writing`, for changing the tables themselves, however long that takes."""
        if not self.is_sqlite:
            with self.writing() as connection:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                yield connection
            return
        # SQLite changes a table by making it anew and dropping the old one, which its foreign keys must not see.
        with self._writer.connect().execution_options(fangpin_write=True) as connection:
            _pragmas(connection.connection, "foreign_keys=OFF")
            try:
                with connection.begin():
                    yield connection
            finally:
                _pragmas(connection.connection, "foreign_keys=ON")

    def check(self) -> None:
        """Raises if the database does not answer."""
        with self.reading() as connection:
            connection.execute(select(1)).scalar_one()

    def version(self) -> int | None:
        """A number that changes with whatever anybody writes; None where the database cannot tell without being asked as for anything."""
        if not self.is_sqlite:
            return None
        if self._watching is None:  # a connection that never writes: its own changes it would not be told
            lent = self.engine.raw_connection()
            self._watching = lent.dbapi_connection
            lent.detach()
        try:
            return int(self._watching.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None  # what is the matter, the next question will tell

    def is_unavailable(self, error: BaseException) -> bool:
        """Whether an error means that the database does not answer now but may soon; any other is a fault of the programme."""
        if isinstance(error, PoolTimeout):
            return True
        driver: Any = self.engine.dialect.dbapi
        cause = getattr(error, "orig", error)  # as the driver raised it
        if not isinstance(cause, driver.OperationalError):
            return isinstance(error, DBAPIError) and error.connection_invalidated
        return getattr(cause, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR  # what SQLite calls a statement that is wrong

    def close(self) -> None:
        """Closes all connections."""
        if self._watching is not None:
            self._watching.close()
            self._watching = None
        self.engine.dispose()


def _address(url: str) -> URL:
    """The parsed address; the usual short forms mean the driver that is installed. The address holds a password: it is never shown.

    Raises:
        UserError: it is no address.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise UserError(
            "FANGPIN_DATABASE_URL 不是数据库地址 is no database address: write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        ) from None
    return address.set(drivername="postgresql+psycopg") if address.drivername in {"postgres", "postgresql"} else address


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver's own transaction handling is switched off: it leaves SELECTs outside transactions and begins writes too late.
    connection.isolation_level = None
    _pragmas(connection, "page_size=16384")
    _write_ahead(connection)
    _pragmas(connection, "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-32768")


def _write_ahead(connection: Any) -> None:
    # Of several that open a new file at once, one changes its mode and SQLite refuses the others without letting them wait.
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return _pragmas(connection, "journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(SECONDS_BETWEEN_ATTEMPTS)


def _pragmas(connection: Any, *pragmas: str) -> None:
    with closing(connection.cursor()) as cursor:
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: two writers then queue, where a lock taken late would fail one of them halfway.
    write = connection.get_execution_options().get("fangpin_write", False)
    driver: Any = connection.connection.driver_connection  # past the layers above: every look at the database begins so
    driver.execute("BEGIN IMMEDIATE" if write else "BEGIN").close()


Cells = npt.NDArray[Any] | Sequence[Any]


def insert_columns(connection: Connection, table: Table, columns: Mapping[str, Cells], rows: int) -> None:
    """Inserts many rows given column by column; some 400,000 narrow rows a second on SQLite.

    Args:
        connection: inside a transaction.
        table: where to.
        columns: by column name, `rows` cells each; in arrays of floats NaN stands for NULL, lists carry None.
        rows: how many.
    """
    if connection.dialect.name != "sqlite":
        copy_columns(connection, table, columns, rows)
        return
    names = list(columns)
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


def plain_rows(connection: Connection, statement: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of a query as the driver gives them, for reading millions of numbers: result rows would cost five times as much.

    Args:
        connection: inside a transaction.
        statement: a query whose only parameters are plain numbers and texts.
    """
    text = str(statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    driver: Any = connection.connection
    if connection.dialect.name == "sqlite":
        cursor = driver.cursor()
        cursor.execute(text)
    else:
        # The server keeps the rows and hands them out in blocks; the driver alone would take them all at once.
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        cursor = driver.driver_connection.cursor("plain_rows")
        cursor.execute(text, (), binary=True)
    with closing(cursor):
        while rows := cursor.fetchmany(BLOCK):
            yield from rows
