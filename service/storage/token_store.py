"""Access tokens: made at random, shown once, stored only as their hash. A session of a browser is a token that another one opened."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, or_, select, update

from service.clock import stamp
from service.storage.tables import tokens, users

PREFIX = "fp_"
SESSION_PREFIX = "fps_"
RANDOM_BYTES = 32

_c = tokens.c
# A disabled user's tokens are not looked for one by one: none of them is found any more.
FIND = (
    select(_c.id, _c.role, _c.region, _c.expires_at, _c.label, _c.opened_by, _c.user_id, users.c.name.label("user"))
    .outerjoin_from(tokens, users, _c.user_id == users.c.id)
    .where(_c.token_hash == bindparam("token_hash"), _c.revoked_at.is_(None), users.c.disabled_at.is_(None))
)


def token_hash(token: str) -> str:
    """What is stored of a token. A token is 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def create_token(
    connection: Connection, role: str, region: str, *, label: str, now: dt.datetime, days: int, user_id: int | None = None
) -> tuple[str, str]:
    """Makes a token and stores its hash.

    Returns:
        the token, which nobody can read again later, and when it expires.
    """
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    expires = stamp(now + dt.timedelta(days=days))
    _store(connection, token, role=role, region=region, label=label, created_at=stamp(now), expires_at=expires, user_id=user_id)
    return token, expires


def open_session(connection: Connection, opener: Row[Any], now: dt.datetime, hours: int) -> tuple[str, int]:
    """Makes a session from a token that was found: same user, role and region, and it ends with that token at the latest.

    Sessions that have ended are removed.

    Returns:
        the session's own token and the seconds it lasts.
    """
    token = SESSION_PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    until = min(now + dt.timedelta(hours=hours), dt.datetime.fromisoformat(opener.expires_at))
    kept = {name: getattr(opener, name) for name in ("role", "region", "label", "user_id")}
    _store(connection, token, created_at=stamp(now), expires_at=stamp(until), opened_by=opener.id, **kept)
    # After the new one is in, so that no number is ever given twice. Tokens stay: the access log names them.
    connection.execute(delete(tokens).where(_c.opened_by.is_not(None), or_(_c.expires_at <= stamp(now), _c.revoked_at.is_not(None))))
    return token, int((until - now).total_seconds())


def _store(connection: Connection, token: str, **columns: Any) -> None:
    connection.execute(insert(tokens).values(token_hash=token_hash(token), **columns))


def find_token(
    connection: Connection, token: str, now: dt.datetime, statement: Select[*tuple[Any, ...]] = FIND
) -> Row[*tuple[Any, ...]] | None:
    """The role, region and holder of a token that is known, not expired and not revoked, and whose user is not disabled.

    Args:
        connection: to read with.
        token: as it was given.
        now: for expiry.
        statement: `FIND`, with further columns where more is to be read in the same look.
    """
    row = connection.execute(statement, {"token_hash": token_hash(token)}).one_or_none()
    return row if row is not None and row.expires_at > stamp(now) else None


def list_tokens(connection: Connection) -> Sequence[Row[*tuple[Any, ...]]]:
    """All tokens that were ever made, without what would let anybody in; sessions are left out."""
    columns = (_c.id, users.c.name, _c.role, _c.region, _c.label, _c.created_at, _c.expires_at, _c.revoked_at)
    asked = select(*columns).outerjoin_from(tokens, users, _c.user_id == users.c.id)
    return connection.execute(asked.where(_c.opened_by.is_(None)).order_by(_c.id)).all()


def revoke_tokens(connection: Connection, now: dt.datetime, *, number: int | None = None, label: str | None = None) -> int:
    """Ends one token, or all of a label, at once and with the sessions they opened; returns how many."""
    which = or_(_c.id == number, _c.opened_by == number) if label is None else _c.label == label
    return connection.execute(update(tokens).where(which, _c.revoked_at.is_(None)).values(revoked_at=stamp(now))).rowcount
