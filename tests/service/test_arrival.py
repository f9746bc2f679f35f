"""Who asks is remembered as long as nothing was written, whoever writes: another worker, a command, this one."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import event, update

from service.arrival import Arrivals
from service.auth import Role
from service.storage.database import Database
from service.storage.tables import active_list, lists
from service.storage.token_store import revoke_tokens
from tests.service import made_up
from tests.service.sites import Site, now


@contextmanager
def looks(database: Database) -> Iterator[list[str]]:
    """The questions that a database is asked meanwhile."""
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_a_caller_is_looked_up_once_where_the_database_can_tell_that_nothing_changed(own_site: Site) -> None:
    token = own_site.token(Role.VILLAGE, made_up.VILLAGES[0])
    with closing(Database(own_site.settings.database_url)) as database, looks(database) as asked:
        arrivals = Arrivals(database, now)
        found = [arrivals.find(token) for _ in range(5)]
        assert len([statement for statement in asked if statement.startswith("SELECT")]) == (1 if database.is_sqlite else 5)
    assert found[0] is not None
    assert (found[0].caller.role, found[0].caller.region) == (Role.VILLAGE, made_up.VILLAGES[0])
    assert found == [found[0]] * 5


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_is_written_counts_for_the_very_next_request(own_site: Site, elsewhere: bool) -> None:
    """Through the service's own connections, and as another worker writes."""
    tokens = [own_site.token(Role.COUNTY, made_up.COUNTY) for _ in range(2)]
    with closing(Database(own_site.settings.database_url)) as database, closing(Database(own_site.settings.database_url)) as other:
        arrivals, writer = Arrivals(database, now), other if elsewhere else database
        first = [arrivals.find(token) for token in tokens]
        assert first[0] is not None
        assert first[0].mark is not None
        with writer.writing() as connection:
            connection.execute(update(lists).values(as_of="2023-11-30"))
        second = arrivals.find(tokens[0])
        assert second is not None
        assert second.mark is not None
        assert (first[0].mark.as_of, second.mark.as_of) == ("2023-12-31", "2023-11-30")
        with writer.writing() as connection:
            assert revoke_tokens(connection, now(), number=second.caller.token_id) == 1
        assert arrivals.find(tokens[0]) is None
        assert arrivals.find(tokens[1]) is not None
        with writer.writing() as connection:
            connection.execute(active_list.delete())
        third = arrivals.find(tokens[1])
        assert third is not None
        assert third.mark is None


def test_another_process_counts_as_well(own_site: Site) -> None:
    token = own_site.token(Role.COUNTY, made_up.COUNTY)
    headers = {"Authorization": f"Bearer {token}"}
    assert own_site.client.get("/api/v1/summary", headers=headers).status_code == 200
    environment = {"FANGPIN_DATABASE_URL": own_site.settings.database_url, "FANGPIN_DEMO": "1"}
    command = [sys.executable, "-m", "service", "token", "revoke", "--label", "test"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert own_site.client.get("/api/v1/summary", headers=headers).status_code == 401


def test_time_passes_for_a_caller_who_is_remembered(own_site: Site) -> None:
    token = own_site.token(Role.COUNTY, made_up.COUNTY, days=1)
    moment = [now()]
    with closing(Database(own_site.settings.database_url)) as database:
        arrivals = Arrivals(database, lambda: moment[0])
        assert arrivals.find(token) is not None
        moment[0] += dt.timedelta(hours=23, minutes=59)
        assert arrivals.find(token) is not None
        moment[0] += dt.timedelta(minutes=1)
        assert arrivals.find(token) is None


def test_strangers_are_not_remembered(own_site: Site) -> None:
    with closing(Database(own_site.settings.database_url)) as database:
        arrivals = Arrivals(database, now)
        assert arrivals.find("fp_nobody") is None
        assert arrivals._remembered == {}
