"""A made-up county, imported and scored once a session on each kind of database; a test that changes anything works on its own copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.bundles import ActiveBundle
from service.importing import import_register, make_key
from service.scoring import score_stored
from service.settings import Settings
from service.storage.database import Database
from tests.service import made_up
from tests.service.postgres import Server
from tests.service.postgres import running as postgres_running
from tests.service.sites import Backend, PostgresBackend, Site, SqliteBackend, now, running, settings_in


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
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of the tests' own."""
    with postgres_running() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each kind of database that the service runs on: what asks for it, or for a site, is tested on all of them."""
    return SqliteBackend() if request.param == "sqlite" else PostgresBackend(request.getfixturevalue("postgres"))


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory, households: list[made_up.Household]) -> Path:
    """A folder with a model in use, trained on the county once."""
    folder = tmp_path_factory.mktemp("bundles")
    made_up.promote(made_up.train(households), folder)
    return folder


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[Settings]:
    """A service whose database has its tables and nothing in them; to be copied, not used."""
    folder = tmp_path_factory.mktemp("empty")
    settings_in(folder).bundle_dir.mkdir()
    with backend.bare(folder) as url:
        database = Database(url)
        database.create()
        database.close()
        yield settings_in(folder, url)


@pytest.fixture(scope="session")
def scored(
    tmp_path_factory: pytest.TempPathFactory, backend: Backend, empty: Settings, bundles: Path, register_folder: Path
) -> Iterator[Settings]:
    """A service after import and scoring; to be copied, not used."""
    with backend.copy(empty, tmp_path_factory.mktemp("scored") / "copy") as settings:
        shutil.copytree(bundles, settings.bundle_dir, dirs_exist_ok=True)
        make_key(settings.pseudonym_key)
        database = Database(settings.database_url)
        key = bytes.fromhex(settings.pseudonym_key.read_text())
        done = import_register(database, register_folder, key, months=36, uploads=settings.uploads_dir, clock=now)
        assert done.problems == []
        score_stored(database, ActiveBundle(settings.bundle_dir).current(), None, threads=1, clock=now)
        database.close()
        yield settings


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, backend: Backend, scored: Settings) -> Iterator[Site]:
    """A running service with a list, for tests that only read."""
    with backend.copy(scored, tmp_path_factory.mktemp("site") / "copy") as settings, running(settings) as found:
        yield found


@pytest.fixture
def own_site(tmp_path: Path, backend: Backend, scored: Settings) -> Iterator[Site]:
    """A running service with a list, for a test that changes it."""
    with backend.copy(scored, tmp_path / "copy") as settings, running(settings) as found:
        yield found


@pytest.fixture
def empty_site(tmp_path: Path, backend: Backend, empty: Settings) -> Iterator[Site]:
    """A running service with nothing in it."""
    with backend.copy(empty, tmp_path / "site") as settings, running(settings) as found:
        yield found


@pytest.fixture
def empty_database(tmp_path: Path, backend: Backend, empty: Settings) -> Iterator[Database]:
    """A database with its tables and nothing in them."""
    with backend.copy(empty, tmp_path / "database") as settings, closing(Database(settings.database_url)) as database:
        yield database
