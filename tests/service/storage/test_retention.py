"""Old lists go, but never the one in use nor one that somebody may still be reading."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from service.bundles import ActiveBundle
from service.new_list import score_stored
from service.storage.retention import retire_lists
from service.storage.tables import changes, lists, reasons, scores, summaries
from tests.service.sites import Site, now

DAY = dt.timedelta(days=1)


def score(site: Site, days: int, keep: int = 0) -> int:
    """A new list, made so many days after the tests' present."""
    bundle = ActiveBundle(site.settings.bundle_dir).current()
    return score_stored(site.database, bundle, None, threads=1, clock=lambda: now() + days * DAY, again=True, keep_lists=keep).version


def kept(site: Site) -> list[int]:
    """The lists that are there."""
    with site.database.reading() as connection:
        return list(connection.execute(select(lists.c.list_version).order_by(lists.c.list_version)).scalars())


def test_the_latest_lists_stay_and_nothing_is_left_of_the_others(own_site: Site) -> None:
    for days in (1, 2, 3):
        score(own_site, days)
    assert kept(own_site) == [1, 2, 3, 4]
    assert score(own_site, 4, keep=2) == 5
    assert kept(own_site) == [4, 5]
    with own_site.database.reading() as connection:
        for table in (scores, reasons, summaries, changes):
            assert set(connection.execute(select(table.c.list_version).distinct()).scalars()) <= {4, 5}


def test_a_list_that_was_in_use_a_moment_ago_stays_for_those_who_turn_its_pages(own_site: Site) -> None:
    score(own_site, 1, keep=1)
    assert kept(own_site) == [1, 2]
    assert retire_lists(own_site.database, 1, now() + DAY + dt.timedelta(minutes=59)) == []
    assert retire_lists(own_site.database, 1, now() + DAY + dt.timedelta(minutes=61)) == [1]
    assert kept(own_site) == [2]


def test_the_list_in_use_is_never_removed(own_site: Site) -> None:
    assert retire_lists(own_site.database, 0, now() + 1000 * DAY) == []
    assert kept(own_site) == [1]
    assert own_site.client.get("/api/v1/summary", headers=own_site.headers()).status_code == 200
