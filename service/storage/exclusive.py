"""Only one process at a time does what must not be done twice at once; the rest wait for it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from features.errors import UserError
from service.storage.database import Database

SECONDS_BETWEEN_ATTEMPTS = 0.5
Held = Callable[[], None]
MINE = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND CAST(objid AS bigint) = :key "
    "AND pid = pg_backend_pid() AND granted"
)


class PlaceLostError(UserError):
    """The connection that held a place is gone, and somebody else may hold it by now."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"与数据库的连接中断，本次操作未生效，请重做 the connection to the database that held the place {name!r} was lost: "
            "what was begun took no effect, do it again"
        )


@contextmanager
def only_one(database: Database, name: str, *, waiting: Callable[[], None] = lambda: None) -> Iterator[Held]:
    """Holds the one place of this name beside a database; it falls free when the process ends, however it ends.

    Args:
        database: what is protected: another database has another place.
        name: of the place.
        waiting: called once if somebody else holds it.

    Yields:
        what raises `PlaceLostError` if the place is not held any more: a server may lose the one connection that holds it. Whoever asks
        this while it is the writers' turn, and writes only then, is sure that nobody else came in between.
    """
    path = database.engine.url.database
    if not database.is_sqlite:
        # The session's own lock: it outlives every transaction of this connection, and goes with the connection.
        key = {"key": zlib.crc32(name.encode())}
        attempt = text("SELECT pg_try_advisory_lock(:key)")
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.execute(attempt, key).scalar_one():
                waiting()
                while not connection.execute(attempt, key).scalar_one():  # asked again and again: a wait would run into the time limit
                    time.sleep(SECONDS_BETWEEN_ATTEMPTS)

            def held() -> None:
                try:
                    mine = connection.execute(MINE, key).scalar_one()
                except SQLAlchemyError:
                    mine = 0
                if not mine:
                    raise PlaceLostError(name)

            try:
                yield held
            finally:
                try:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
                except SQLAlchemyError:
                    connection.invalidate()  # the place goes with the connection
    elif path is None or path == ":memory:":
        yield lambda: None
    else:
        import fcntl  # no such thing where there is no need of it

        with Path(f"{path}.{name}").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(file, fcntl.LOCK_EX)
            yield lambda: None  # an open file is not lost
