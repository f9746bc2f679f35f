"""Those who may sign in: a name, a role, a region; what they hold in hand are tokens, which end with them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from features.errors import UserError
from service.clock import stamp
from service.storage.tables import users

NAME = re.compile(r"\w[\w.@·-]{0,63}")


def add_user(connection: Connection, name: str, role: str, region: str, now: dt.datetime) -> int:
    """Adds a user; a name is given once and never again, so that records stay true.

    Raises:
        UserError: the name cannot be used, or is taken.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"用户名有误 cannot be a user name: {name!r}; 1–64 个字母、汉字、数字或 . - _ @ letters, digits and these")
    if user_of(connection, name) is not None:
        raise UserError(f"用户名已存在 the name is taken, also by a disabled user: {name}; choose another 请换一个")
    made = connection.execute(insert(users).values(name=name, role=role, region=region, created_at=stamp(now)).returning(users.c.id))
    return int(made.scalar_one())


def user_of(connection: Connection, name: str) -> Row[Any] | None:
    """A user by name, disabled or not."""
    return connection.execute(select(users).where(users.c.name == name)).one_or_none()


def list_users(connection: Connection) -> Sequence[Row[*tuple[Any, ...]]]:
    """All users that ever were."""
    c = users.c
    return connection.execute(select(c.id, c.name, c.role, c.region, c.created_at, c.disabled_at).order_by(c.id)).all()


def disable_user(connection: Connection, name: str, now: dt.datetime) -> bool:
    """Ends a user's access at once, with all tokens and sessions; False where there is none to end."""
    ended = update(users).where(users.c.name == name, users.c.disabled_at.is_(None)).values(disabled_at=stamp(now))
    return connection.execute(ended).rowcount > 0
