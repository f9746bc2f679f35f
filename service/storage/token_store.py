"""Access tokens: made at random, shown once, stored only as their hash."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from service.clock import stamp
from service.storage.tables import tokens

PREFIX = "fp_"
RANDOM_BYTES = 32

_FIND = select(tokens.c.id, tokens.c.role, tokens.c.region, tokens.c.expires_at).where(
    tokens.c.token_hash == bindparam("token_hash"), tokens.c.revoked_at.is_(None)
)


def token_hash(token: str) -> str:
    """What is stored of a token. A token is 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def create_token(connection: Connection, role: str, region: str, *, label: str, now: dt.datetime, days: int) -> tuple[str, str]:
    """Makes a token and stores its hash.

    Returns:
        the token, which nobody can read again later, and when it expires.
    """
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    expires = stamp(now + dt.timedelta(days=days))
    connection.execute(
        insert(tokens).values(
            token_hash=token_hash(token), role=role, region=region, label=label, created_at=stamp(now), expires_at=expires
        )
    )
    return token, expires


def find_token(connection: Connection, token: str, now: dt.datetime) -> Row[*tuple[Any, ...]] | None:
    """The role and region of a token that is known, not expired and not revoked."""
    row = connection.execute(_FIND, {"token_hash": token_hash(token)}).one_or_none()
    return row if row is not None and row.expires_at > stamp(now) else None


def list_tokens(connection: Connection) -> Sequence[Row[*tuple[Any, ...]]]:
    """All tokens that were ever made, without what would let anybody in."""
    c = tokens.c
    return connection.execute(select(c.id, c.role, c.region, c.label, c.created_at, c.expires_at, c.revoked_at).order_by(c.id)).all()


def revoke_tokens(connection: Connection, now: dt.datetime, *, number: int | None = None, label: str | None = None) -> int:
    """Ends one token, or all of a label, at once; returns how many."""
    which = tokens.c.id == number if label is None else tokens.c.label == label
    return connection.execute(update(tokens).where(which, tokens.c.revoked_at.is_(None)).values(revoked_at=stamp(now))).rowcount
