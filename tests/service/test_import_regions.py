"""Whoever brings data in for a region changes that region and no other, whichever households the files name."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from features.contents import register_digest
from features.errors import UserError
from features.pseudonym import pseudonym
from features.read import read_register
from features.register import Register
from service.auth import Role
from service.importing import Imported, import_register, pseudonym_key
from service.storage.database import Database
from service.storage.import_plan import Mode
from service.storage.register_store import load_register
from tests.service import made_up
from tests.service.registers import facts
from tests.service.sites import Site, now

KEY = b"k" * 32
OTHER = "611025"
WELLS = {"name": "wells", "zh": "水井", "unit": "", "direction": -1, "cause": "water"}
PATIENCE_SECONDS = 90
Bring = Callable[..., Imported]


@pytest.fixture
def bring(empty_database: Database, tmp_path: Path) -> Bring:
    """Imports a folder."""

    def go(source: Path, mode: Mode = "update", region: str = "", key: bytes = KEY, **more: Any) -> Imported:
        given = {"months": None, "uploads": tmp_path / "uploads", "clock": now, **more}
        return import_register(empty_database, source, key, mode=mode, region=region, **given)

    return go


def here() -> list[made_up.Household]:
    return made_up.county(6)


def there() -> list[made_up.Household]:
    households = made_up.county(4, seed=9)
    for number, one in enumerate(households):
        one.update(household_id=f"9922{number:06d}", village_code=f"{OTHER}101{number + 1:03d}")
    return households


def both(path: Path) -> Path:
    """A register of two counties, one of which measures something of its own."""
    common = {"name": "wells", "value": 2.0, "valid_from": "2022-01-01", "known_on": "2022-01-02"}
    measured = [{"household_id": one["household_id"], **common} for one in there()]
    return made_up.write_register(path, here() + there(), {"indicators": measured}, county="", indicators=[WELLS])


def stored(database: Database) -> Register:
    with database.reading() as connection:
        return load_register(connection)


def of(households: list[made_up.Household], register: Register, key: bytes = KEY) -> set[tuple[Any, ...]]:
    """The rows of some households."""
    names = {pseudonym(key, one["household_id"]) for one in households}
    return {fact for fact in facts(register) if fact[1] in names}


def test_a_replacement_for_one_county_leaves_the_other_as_it_was(bring: Bring, empty_database: Database, tmp_path: Path) -> None:
    bring(both(tmp_path / "both"))
    before = stored(empty_database)
    files = made_up.write_register(tmp_path / "files", made_up.county(8, seed=5)[3:], known_until="2022-12-31")
    done = bring(files, "replace", made_up.COUNTY)
    after = stored(empty_database)
    assert of(there(), after) == of(there(), before) != set()
    assert facts(after) - of(there(), after) == facts(read_register(files, KEY).register)
    assert (done.households, done.households_new, done.households_dropped) == (5 + 4, 2, 3)
    assert (after.info.county, after.info.known_until) == ("", made_up.AS_OF)
    assert after.info.digest == register_digest(after)
    assert not bring(files, "replace", made_up.COUNTY).fresh


def test_a_replacement_by_whoever_keeps_all_regions_replaces_all(bring: Bring, empty_database: Database, tmp_path: Path) -> None:
    bring(both(tmp_path / "both"))
    files = made_up.write_register(tmp_path / "files", here()[:2])
    assert bring(files, "replace").households_dropped == 8
    assert facts(stored(empty_database)) == facts(read_register(files, KEY).register)


@pytest.mark.parametrize("mode", ["update", "replace"])
def test_rows_about_a_household_of_another_county_are_left_out_and_named(
    bring: Bring, empty_database: Database, tmp_path: Path, mode: Mode
) -> None:
    bring(both(tmp_path / "both"))
    before = stored(empty_database)
    taken_over = there()[0] | {"village_code": made_up.VILLAGES[0], "events": []}
    stray = {"household_id": there()[1]["household_id"], "event_kind": "job_loss", "occurred_on": "2023-11-01", "known_on": "2023-11-02"}
    files = made_up.write_register(tmp_path / "files", [*here(), taken_over], {"events": [stray]})
    done = bring(files, mode, made_up.COUNTY)
    assert facts(stored(empty_database)) == facts(before)
    named = {(problem.table, problem.row) for problem in done.problems if problem.column == "household_id"}
    assert {("households", 7), ("events", 1)} <= named
    outside = [problem for problem in done.problems if problem.column in ("household_id", "village_code")]
    assert all(made_up.COUNTY in problem.reason for problem in outside)


def test_a_household_that_moved_belongs_to_the_county_it_moved_to(bring: Bring, empty_database: Database, tmp_path: Path) -> None:
    moved = there()[0] | {"village_code": made_up.VILLAGES[0], "valid_from": "2023-06-01", "known_on": "2023-06-02"}
    bring(both(tmp_path / "both"))
    bring(made_up.write_register(tmp_path / "moved", [moved | {"events": []}], county=""))
    before = stored(empty_database)
    files = made_up.write_register(tmp_path / "files", there()[1:3], county="")
    assert bring(files, "replace", OTHER).households_dropped == 1
    after = stored(empty_database)
    assert of([moved, *here()], after) == of([moved, *here()], before)
    assert bring(made_up.write_register(tmp_path / "mine", here()), "replace", made_up.COUNTY).households_dropped == 1
    assert of([moved], stored(empty_database)) == set()


def test_a_replacement_for_one_county_cannot_take_the_meaning_of_the_others_data(
    bring: Bring, empty_database: Database, tmp_path: Path
) -> None:
    bring(both(tmp_path / "both"))
    before = facts(stored(empty_database))
    with pytest.raises(UserError, match="another key"):
        bring(made_up.write_register(tmp_path / "a", here()), "replace", made_up.COUNTY, key=b"x" * 32)
    with pytest.raises(UserError, match="never mixed"):
        bring(made_up.write_register(tmp_path / "b", here(), synthetic=False), "replace", made_up.COUNTY)
    with pytest.raises(UserError, match="wells"):
        bring(made_up.write_register(tmp_path / "c", here(), indicators=[WELLS | {"direction": 1}]), "replace", made_up.COUNTY)
    assert facts(stored(empty_database)) == before


def test_a_county_that_uploads_a_replacement_leaves_the_other_as_it_was(empty_site: Site, tmp_path: Path) -> None:
    key = pseudonym_key(empty_site.settings.pseudonym_key, demo=True)
    import_register(empty_site.database, both(tmp_path / "both"), key, months=None, uploads=tmp_path / "uploads", clock=now)
    before = stored(empty_site.database)
    files = made_up.write_register(tmp_path / "files", here()[:2])
    with zipfile.ZipFile(tmp_path / "files.zip", "w") as archive:
        for path in files.iterdir():
            archive.write(path, path.name)
    headers = empty_site.headers(Role.COUNTY, made_up.COUNTY)
    content = (tmp_path / "files.zip").read_bytes()
    taken = empty_site.client.post(
        "/api/v1/imports?mode=replace&score=false&months=0", headers=headers | {"Content-Type": "application/zip"}, content=content
    )
    until = time.monotonic() + PATIENCE_SECONDS
    while (job := empty_site.client.get(taken.headers["Location"], headers=headers).json())["state"] in ("waiting", "running"):
        assert time.monotonic() < until, json.dumps(job)
        time.sleep(0.2)
    assert (job["state"], job["households"], job["households_dropped"]) == ("done", 2 + 4, 4)
    after = stored(empty_site.database)
    assert of(there(), after, key) == of(there(), before, key) != set()
