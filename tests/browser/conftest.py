"""The made-up county behind a real server, and a real browser in front of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from playwright.sync_api import Browser

from service.app import create_app
from service.auth import Role
from service.bundles import ActiveBundle
from service.new_list import score_stored
from service.settings import Settings
from service.storage.database import Database
from service.storage.token_store import create_token
from tests.browser import chromium
from tests.service import made_up
from tests.service.conftest import bundles, empty, households, originals, register_folder, scored
from tests.service.sites import Backend, SqliteBackend, now

__all__ = ["bundles", "empty", "households", "originals", "register_folder", "scored"]

Token = Callable[[Role, str], str]


@pytest.fixture(scope="session")
def backend() -> Backend:
    """Pages look the same on any database."""
    return SqliteBackend()


@pytest.fixture(scope="session")
def found() -> Iterator[Browser]:
    """The browser."""
    with chromium.browser() as one:
        yield one


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, backend: Backend, scored: Settings) -> Iterator[Settings]:
    """A service with three lists, the last of which differs from the one before."""
    with backend.copy(scored, tmp_path_factory.mktemp("pages") / "copy") as copied, closing(Database(copied.database_url)) as database:
        bundle = ActiveBundle(copied.bundle_dir).current()
        for day in (dt.date(2023, 9, 30), made_up.AS_OF):
            score_stored(database, bundle, day, threads=1, clock=now)
        yield copied


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    """Where it is served."""
    with chromium.serving(create_app(settings, clock=now)) as address:
        yield address


@pytest.fixture
def token(settings: Settings) -> Token:
    """Makes tokens."""

    def made(role: Role, region: str) -> str:
        with closing(Database(settings.database_url)) as database, database.writing() as connection:
            return create_token(connection, role.value, region, label="browser", now=now(), days=9)[0]

    return made


@pytest.fixture
def desk(found: Browser, url: str) -> Iterator[chromium.Desk]:
    """A browser in which nothing may go wrong."""
    with ExitStack() as stack:
        one = stack.enter_context(chromium.desk(found, url, viewport={"width": 1366, "height": 768}))
        yield one
        assert one.wrong == []
