"""A service in a folder of its own, with the client that asks it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from starlette.testclient import TestClient

from service.auth import Role
from service.settings import Settings
from service.storage.database import Database
from service.storage.token_store import create_token
from tests.service import made_up


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


def settings_in(folder: Path) -> Settings:
    """All files of a service under one folder."""
    return Settings(
        database_url=f"sqlite:///{folder / 'fangpin.db'}",
        bundle_dir=folder / "bundles",
        pseudonym_key=folder / "pseudonym.key",
        uploads_dir=folder / "uploads",
        demo=True,
        rate_limit=0,
    )
