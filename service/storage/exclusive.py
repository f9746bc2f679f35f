"""Only one process at a time does what must not be done twice at once; the rest wait for it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from service.storage.database import Database

SECONDS_BETWEEN_ATTEMPTS = 0.5


@contextmanager
def only_one(database: Database, name: str, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the one place of this name beside a database; it falls free when the process ends, however it ends.

    Args:
        database: what is protected: another database has another place.
        name: of the place.
        waiting: called once if somebody else holds it.
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
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
    elif path is None or path == ":memory:":
        yield
    else:
        import fcntl  # no such thing where there is no need of it

        with Path(f"{path}.{name}").open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(held, fcntl.LOCK_EX)
            yield
