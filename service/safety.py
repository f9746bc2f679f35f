"""Refuses to start with policy or place names that cannot be used, or with what everybody could know or read; the latter a demo may."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from sqlalchemy import Connection, select

from features.errors import UserError
from features.policy.shipped import load
from features.pseudonym import load_key
from service.clock import Clock, stamp
from service.regions import names_in
from service.settings import Settings
from service.storage.database import Database
from service.storage.tables import tokens

DEMO_LABEL = "demo"
FEWEST_DIFFERENT_BYTES = 16  # 32 random bytes hold some 30 different ones
READABLE_BY_ALL = 0o007


def check_start(settings: Settings, database: Database, clock: Clock) -> None:
    """Stops a start that would not be safe, or whose answers would not be the county's.

    Raises:
        UserError: what is wrong, and the command that mends it.
    """
    load(counties=settings.policy_dir)  # also so that no request waits for it
    names_in(settings.regions)
    if settings.demo:
        return
    check_key(settings.pseudonym_key)
    with database.reading() as connection:
        if _demo_tokens(connection, clock):
            raise UserError(
                "数据库中有仍有效的演示令牌 tokens of a demonstration are still good in this database: "
                f"python -m service token revoke --label {DEMO_LABEL}"
            )


def check_key(path: Path) -> None:
    """Refuses a pseudonym key that is missing, short, open to everybody, or no secret.

    Raises:
        UserError: with what to do.
    """
    key = load_key(path)
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    if len(set(key)) < FEWEST_DIFFERENT_BYTES or len(steps) == 1:
        raise UserError(
            f"假名密钥 {path} 是示例或过于简单 the pseudonym key is an example or too simple; with no register imported yet, remove it "
            "and run python -m service key"
        )
    if path.stat().st_mode & READABLE_BY_ALL:
        raise UserError(f"任何人可读假名密钥 everybody may read the pseudonym key: chmod o-rwx {path}")


def _demo_tokens(connection: Connection, clock: Clock) -> bool:
    c = tokens.c
    good = select(c.id).where(c.label == DEMO_LABEL, c.revoked_at.is_(None), c.expires_at > stamp(clock())).limit(1)
    return connection.execute(good).first() is not None
