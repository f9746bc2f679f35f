"""A made-up county, imported and scored once a session; each test that changes anything works on its own copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.bundles import ActiveBundle
from service.importing import import_register, make_key
from service.scoring import score_stored
from service.settings import Settings
from service.storage.database import Database
from tests.service import made_up
from tests.service.sites import Site, now, settings_in


@pytest.fixture(scope="session")
def households() -> list[made_up.Household]:
    """The households of the made-up county."""
    return made_up.county()


@pytest.fixture(scope="session")
def register_folder(tmp_path_factory: pytest.TempPathFactory, households: list[made_up.Household]) -> Path:
    """The county as files, with rows that were known only after AS_OF."""
    late = [
        {
            "household_id": one["household_id"],
            "source": "wage",
            "period_start": "2023-10",
            "period_end": "2023-12",
            "amount": 9e5,
            "known_on": "2024-01-20",
        }
        for one in households[:50]
    ]
    monitored = [
        {"household_id": one["household_id"], "category": "edge_prone", "identified_on": "2023-05-01", "known_on": "2023-05-02"}
        for one in households[:10]
    ]
    return made_up.write_register(tmp_path_factory.mktemp("register"), households, {"incomes": late, "monitoring": monitored})


@pytest.fixture(scope="session")
def scored_folder(tmp_path_factory: pytest.TempPathFactory, households: list[made_up.Household], register_folder: Path) -> Path:
    """A service's files after import and scoring."""
    folder = tmp_path_factory.mktemp("scored")
    settings = settings_in(folder)
    made_up.promote(made_up.train(households), settings.bundle_dir)
    make_key(settings.pseudonym_key)
    database = Database(settings.database_url)
    database.create()
    key = bytes.fromhex(settings.pseudonym_key.read_text())
    done = import_register(database, register_folder, key, months=36, uploads=settings.uploads_dir, clock=now)
    assert done.problems == []
    score_stored(database, ActiveBundle(settings.bundle_dir).current(), None, threads=1, clock=now)
    database.close()
    return folder


def _site(settings: Settings) -> Iterator[Site]:
    app = create_app(settings, clock=now)
    database = Database(settings.database_url)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Site(settings, database, client)
    database.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, scored_folder: Path) -> Iterator[Site]:
    """A running service with a list, for tests that only read."""
    folder = tmp_path_factory.mktemp("site") / "copy"
    shutil.copytree(scored_folder, folder)
    yield from _site(settings_in(folder))


@pytest.fixture
def own_site(tmp_path: Path, scored_folder: Path) -> Iterator[Site]:
    """A running service with a list, for a test that changes it."""
    shutil.copytree(scored_folder, tmp_path / "copy")
    yield from _site(settings_in(tmp_path / "copy"))


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[Site]:
    """A running service with nothing in it."""
    yield from _site(settings_in(tmp_path))
