"""Old lists go after a while: the latest are kept, and one that may still be read is left alone."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from service.clock import stamp
from service.storage.database import Database
from service.storage.exclusive import only_one
from service.storage.list_writer import PLACE, remove_list
from service.storage.tables import active_list, lists

GRACE = dt.timedelta(hours=1)  # somebody turning the pages of a list goes on doing so after another took its place


def retire_lists(database: Database, keep: int, now: dt.datetime) -> list[int]:
    """Removes lists beyond the latest ones, in small steps.

    Args:
        database: where they are.
        keep: how many finished lists stay, the one in use among them.
        now: a list that was in use less than an hour ago stays until later.

    Returns:
        the versions that were removed.
    """
    with only_one(database, PLACE):
        with database.reading() as connection:
            used = connection.execute(select(active_list.c.list_version)).scalar_one_or_none()
            finished = select(lists.c.list_version, lists.c.written_at).where(lists.c.finished).order_by(lists.c.list_version.desc())
            rows = connection.execute(finished).all()
        # A list was in use until the next one was written.
        latest = rows[: max(keep, 1)]
        ended = dict(zip([row.list_version for row in rows[1:]], [row.written_at for row in rows], strict=False))
        kept = {row.list_version for row in latest} | {used}
        old = [version for version, at in ended.items() if version not in kept and at < stamp(now - GRACE)]
        for version in old:
            remove_list(database, version)
    return old
