"""A made-up county, imported and scored once a session on each kind of database; a test that changes anything works on its own copy."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from service.bundles import ActiveBundle
from service.importing import import_register, make_key
from service.new_list import score_stored
from service.settings import Settings
from service.storage.database import Database
from tests.service import made_up
from tests.service.postgres import Server
from tests.service.postgres import running as postgres_running
from tests.service.sites import Backend, Originals, PostgresBackend, Site, SqliteBackend, now, running, settings_in

MADE_UP_KEY = hashlib.sha256(b"made-up households").hexdigest()
"""Always the same, so that examples in the description of the API show the same households each time they are made."""


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
def originals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Originals]:
    """What is made once a session for each kind of database: pytest itself lets go of it whenever a test asks for the other kind."""
    with Originals(tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="session")
def postgres(originals: Originals) -> Server:
    """A PostgreSQL server of the tests' own."""
    return originals.once("server", lambda _: postgres_running())


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


def empty_on(backend: Backend, originals: Originals) -> Settings:
    """A service on that kind of database, which has its tables and nothing in them; to be copied, not used."""

    @contextmanager
    def made(folder: Path) -> Iterator[Settings]:
        settings_in(folder).bundle_dir.mkdir()
        with backend.bare(folder) as url:
            with closing(Database(url)) as database:
                database.create()
            yield settings_in(folder, url)

    return originals.once(f"empty {backend.name}", made)


@pytest.fixture(scope="session")
def empty(backend: Backend, originals: Originals) -> Settings:
    """A service whose database has its tables and nothing in them; to be copied, not used."""
    return empty_on(backend, originals)


@pytest.fixture(scope="session")
def scored(backend: Backend, originals: Originals, empty: Settings, bundles: Path, register_folder: Path) -> Settings:
    """A service after import and scoring; to be copied, not used."""

    @contextmanager
    def made(folder: Path) -> Iterator[Settings]:
        with backend.copy(empty, folder / "copy") as settings:
            shutil.copytree(bundles, settings.bundle_dir, dirs_exist_ok=True)
            make_key(settings.pseudonym_key)
            settings.pseudonym_key.write_text(MADE_UP_KEY)
            key = bytes.fromhex(MADE_UP_KEY)
            with closing(Database(settings.database_url)) as database:
                uploads = settings.uploads_dir
                done = import_register(database, register_folder, key, months=36, uploads=uploads, clock=now, report=False)
                assert done.rows_left_out == 0
                assert {problem.column for problem in done.problems} == {"known_on"}  # rows known after its end are named, and kept
                score_stored(database, ActiveBundle(settings.bundle_dir).current(), None, threads=1, clock=now)
            yield settings

    return originals.once(f"scored {backend.name}", made)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, backend: Backend, scored: Settings) -> Iterator[Site]:
    """A running service with a list, for tests that only read."""
    with backend.copy(scored, tmp_path_factory.mktemp("site") / "copy") as settings, running(settings) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_cookies_of_others(request: pytest.FixtureRequest) -> None:
    """What another test left with the shared site's browser, its language say, is gone."""
    if "site" in request.fixturenames:
        found: Site = request.getfixturevalue("site")
        found.client.cookies.clear()


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


@pytest.fixture
def database(tmp_path: Path, originals: Originals) -> Iterator[Database]:
    """The same on SQLite alone, for what has nothing to do with the kind of database."""
    backend = SqliteBackend()
    with backend.copy(empty_on(backend, originals), tmp_path / "database") as settings, closing(Database(settings.database_url)) as found:
        yield found
