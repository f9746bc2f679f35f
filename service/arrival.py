"""Who asks, and which list is in use: one look at the database, remembered for as long as nothing in it has changed."""

from __future__ import annotations

from typing import NamedTuple

from service.auth import Caller, Role
from service.clock import Clock, stamp
from service.storage.database import Database
from service.storage.score_store import MARK, ListMark, mark_in
from service.storage.token_store import FIND, find_token, token_hash

MOST_REMEMBERED = 10_000
_ASKED = FIND.add_columns(*MARK)


class Arrival(NamedTuple):
    """A caller, the list in use when he asked, and until when his token lasts."""

    caller: Caller
    mark: ListMark | None
    expires_at: str


class Arrivals:
    """Finds who a token belongs to. A file tells at no price whether anybody wrote to it; a server has to be asked every time.

    Args:
        database: where the tokens stand.
        clock: for expiry.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._version: int | None = None
        self._remembered: dict[str, Arrival] = {}

    def find(self, token: str) -> Arrival | None:
        """The caller and the list in use; None where the token is unknown, expired or revoked."""
        version = self._database.version()  # before the look: what is written in between makes the next one look again
        if version is None or version != self._version or len(self._remembered) > MOST_REMEMBERED:
            self._version, self._remembered = version, {}
        key = token_hash(token)
        known = self._remembered.get(key)
        if known is not None:
            return known if known.expires_at > stamp(self._clock()) else None
        found = self._look(token)
        if found is not None and version is not None:
            self._remembered[key] = found
        return found

    def _look(self, token: str) -> Arrival | None:
        with self._database.reading() as connection:
            row = find_token(connection, token, self._clock(), _ASKED)
        if row is None:
            return None
        name = row.user or row.label or f"token {row.id}"
        return Arrival(
            Caller(row.id, Role(row.role), row.region, name=name, user=row.user, opener=row.opened_by), mark_in(row), row.expires_at
        )
