"""A service in a folder and a database of its own, with the client that asks it."""

from __future__ import annotations

import datetime as dt
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.auth import Role
from service.settings import Settings
from service.storage.database import Database
from service.storage.token_store import create_token
from tests.service import made_up
from tests.service.postgres import Server

T = TypeVar("T")


def now() -> dt.datetime:
    """The tests' own present."""
    return made_up.NOW


@dataclass
class Site:
    """A service with its files."""

    settings: Settings
    database: Database
    client: TestClient

    def token(self, role: Role, region: str, days: int = 30) -> str:
        """A fresh token."""
        with self.database.writing() as connection:
            return create_token(connection, role.value, region, label="test", now=now(), days=days)[0]

    def headers(self, role: Role = Role.COUNTY, region: str = made_up.COUNTY) -> dict[str, str]:
        """The header of a request by that role."""
        return {"Authorization": f"Bearer {self.token(role, region)}"}


def settings_in(folder: Path, database_url: str | None = None) -> Settings:
    """All files of a service under one folder; the database too, unless it is elsewhere."""
    return Settings(
        database_url=database_url or f"sqlite:///{folder / 'fangpin.db'}",
        bundle_dir=folder / "bundles",
        pseudonym_key=folder / "pseudonym.key",
        uploads_dir=folder / "uploads",
        audit_dir=folder / "audit",
        demo=True,
        rate_limit=0,
        sign_in_limit=0,
        stranger_limit=0,
    )


class Originals(ExitStack):
    """Things that cost much and are only copied: each is made when it is first asked for and thrown away at the end of all tests."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self._folders = folders
        self._made: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[Path], AbstractContextManager[T]]) -> T:
        """The thing of that name, which is made in a folder of its own."""
        if name not in self._made:
            self._made[name] = self.enter_context(make(self._folders.mktemp("original")))
        return cast("T", self._made[name])


class Backend(ABC):
    """A kind of database, and how a service with its files is made on it, copied and thrown away."""

    name: str

    @abstractmethod
    @contextmanager
    def bare(self, folder: Path) -> Iterator[str]:
        """The address of a database without tables, for as long as it is used."""
        yield ""

    @abstractmethod
    @contextmanager
    def copy(self, original: Settings, folder: Path) -> Iterator[Settings]:
        """A copy of a service's files, database included, in a folder that is not there yet; nobody may be using the original."""
        yield original


class SqliteBackend(Backend):
    """A file beside the service's other files."""

    name = "sqlite"

    @contextmanager
    def bare(self, folder: Path) -> Iterator[str]:
        """A file that is not there yet."""
        yield settings_in(folder).database_url

    @contextmanager
    def copy(self, original: Settings, folder: Path) -> Iterator[Settings]:
        """Copies the file with the others."""
        shutil.copytree(original.bundle_dir.parent, folder)
        yield settings_in(folder)


class PostgresBackend(Backend):
    """A database of the tests' own server."""

    name = "postgresql"

    def __init__(self, server: Server) -> None:
        self.server = server

    @contextmanager
    def bare(self, folder: Path) -> Iterator[str]:
        """A new database, dropped afterwards."""
        name = self.server.create()
        yield self.server.url(name)
        self.server.drop(name)

    @contextmanager
    def copy(self, original: Settings, folder: Path) -> Iterator[Settings]:
        """Copies the files, and the database within the server."""
        shutil.copytree(original.bundle_dir.parent, folder)
        template = original.database_url.partition("@/")[2].partition("?")[0]
        name = self.server.create(template)
        yield settings_in(folder, self.server.url(name))
        self.server.drop(name)


@contextmanager
def running(settings: Settings, **changed: object) -> Iterator[Site]:
    """A running service; some settings may be changed."""
    settings = settings.model_copy(update=changed)
    app = create_app(settings, clock=now)
    database = Database(settings.database_url)
    try:
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Site(settings, database, client)
    finally:
        database.close()
