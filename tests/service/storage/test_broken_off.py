"""A process that is killed while it writes a list or an import leaves nothing that anybody sees, and the next one sweeps it up."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from service import importing
from service.bundles import ActiveBundle
from service.importing import import_register
from service.new_list import score_stored
from service.storage.exclusive import PlaceLostError
from service.storage.register_store import load_register
from service.storage.tables import imports, lists, register_state, register_tables, scores
from tests.service import made_up
from tests.service.sites import Site, now

CUT = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND CAST(objid AS bigint) = :key"
PLACE = {"key": zlib.crc32(b"import")}
# Writes in steps of fifty rows and is killed, as by the kernel, when it is about to begin one of them.
KILLED = """
import datetime, os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from service.storage import import_store, list_writer
from service.storage.database import Database
what, url, folder, key, bundles, steps, moment = sys.argv[1:]
now = lambda: datetime.datetime.fromisoformat(moment)
import_store.ROWS_AT_ONCE = list_writer.STEP = 50
database, plain, left = Database(url), Database.writing, [int(steps)]

@contextmanager
def writing(self):
    left[0] -= 1
    with plain(self) as connection:
        yield connection
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

Database.writing = writing
if what == "list":
    from service.bundles import ActiveBundle
    from service.new_list import score_stored
    score_stored(database, ActiveBundle(Path(bundles)).current(), None, threads=1, clock=now, again=True)
else:
    from service.importing import import_register
    import_register(database, Path(folder), bytes.fromhex(key), months=36, uploads=Path(bundles), clock=now, mode="replace")
"""


def write_and_die(site: Site, what: str, folder: Path, steps: int) -> None:
    """Starts a process that is killed in that writing step."""
    url = site.database.engine.url.render_as_string(hide_password=False)
    key = site.settings.pseudonym_key.read_text().strip()
    command = [sys.executable, "-c", KILLED, what, url, str(folder), key, str(site.settings.bundle_dir), str(steps), now().isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -9, done.stderr


def answer(site: Site, headers: dict[str, str]) -> str:
    """What a user is told."""
    return str(site.client.get("/api/v1/risk-list?limit=50", headers=headers).text)


@pytest.mark.parametrize("steps", [3, 9])
def test_a_killed_scoring_leaves_the_list_in_use_and_is_swept_up(own_site: Site, tmp_path: Path, steps: int) -> None:
    headers = own_site.headers()
    before = answer(own_site, headers)
    write_and_die(own_site, "list", tmp_path, steps)
    with own_site.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(lists)).scalar_one() == 2
    assert answer(own_site, headers) == before
    assert own_site.client.get("/readyz").status_code == 200
    version = score_stored(own_site.database, ActiveBundle(own_site.settings.bundle_dir).current(), None, threads=1, clock=now, again=True)
    with own_site.database.reading() as connection:
        assert connection.execute(select(lists.c.list_version, lists.c.finished).order_by(lists.c.list_version)).all() == [
            (1, True),
            (version.version, True),
        ]
        assert version.version == 3
        assert set(connection.execute(select(scores.c.list_version).distinct()).scalars()) == {1, 3}


@pytest.mark.parametrize("steps", [3, 30])
def test_a_killed_import_leaves_the_register_in_use_and_is_swept_up(own_site: Site, tmp_path: Path, steps: int) -> None:
    folder = made_up.write_register(tmp_path / "other", made_up.county(200, seed=9))

    def register() -> str:
        with own_site.database.reading() as connection:
            found = load_register(connection)
        return repr((found.household_id.tolist(), found.info, [table.columns["known_on"].tolist() for table in found.tables.values()]))

    before = register()
    write_and_die(own_site, "import", folder, steps)
    assert register() == before
    with own_site.database.reading() as connection:
        assert connection.execute(select(imports.c.id).where(imports.c.imported_at.is_(None))).scalars().all() == [2]
    key = bytes.fromhex(own_site.settings.pseudonym_key.read_text())
    done = import_register(own_site.database, folder, key, months=36, uploads=tmp_path, clock=now, mode="replace")
    with own_site.database.reading() as connection:
        assert connection.execute(select(imports.c.id).order_by(imports.c.id)).scalars().all() == [1, done.number]
        for table in register_tables.values():
            assert 2 not in connection.execute(select(table.c.loaded_in).distinct()).scalars().all()
            assert 2 not in connection.execute(select(table.c.dropped_in).distinct()).scalars().all()
    with own_site.database.reading() as connection:
        assert len(load_register(connection)) == 200


# On SQLite the place is an open file, which is not lost while its process lives.
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_an_importer_that_lost_its_place_takes_no_effect_and_sweeps_nobody_elses(
    own_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made_up.write_register(tmp_path / "other", made_up.county(200, seed=9))
    key = bytes.fromhex(own_site.settings.pseudonym_key.read_text())
    swept: list[int] = []
    plain = importing.sweep
    monkeypatch.setattr(importing, "sweep", lambda database: (swept.append(1), plain(database)))

    def cut(step: str, _: int) -> None:
        if step.startswith("writing incomes"):
            with own_site.database.writing() as connection:
                connection.execute(text(CUT), PLACE)

    with pytest.raises(PlaceLostError):
        import_register(own_site.database, folder, key, months=36, uploads=tmp_path, clock=now, mode="replace", progress=cut)
    assert len(swept) == 1  # before it began
    with own_site.database.reading() as connection:
        assert connection.execute(select(register_state.c.import_id)).scalar_one() == 1
    done = import_register(own_site.database, folder, key, months=36, uploads=tmp_path, clock=now, mode="replace")
    with own_site.database.reading() as connection:
        assert connection.execute(select(imports.c.id).order_by(imports.c.id)).scalars().all() == [1, done.number]
        assert len(load_register(connection)) == 200
