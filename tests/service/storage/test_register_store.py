"""The register in the database is the register that was read."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update

from features.errors import UserError
from features.read import read_register
from service.auth import Role
from service.importing import import_register, pseudonym_key
from service.storage.codebook import codebook
from service.storage.database import Database
from service.storage.register_store import load_register
from service.storage.tables import imports, metadata
from tests.service import made_up
from tests.service.sites import Site, now


def test_a_register_comes_back_as_it_was_read(site: Site, register_folder: Path) -> None:
    key = pseudonym_key(site.settings.pseudonym_key, demo=False)
    read = read_register(register_folder, key).register
    with site.database.reading() as connection:
        stored = load_register(connection)
    assert stored.household_id.tolist() == read.household_id.tolist()
    assert stored.info == read.info
    assert {place: list(words) for place, words in read.texts.items()} == stored.texts
    for name, table in read.tables.items():
        back = stored.tables[name]
        assert np.array_equal(table.household, back.household)
        assert np.array_equal(table.visible_on, back.visible_on)
        assert np.array_equal(table.superseded_on, back.superseded_on)
        for column, values in table.columns.items():
            assert values.dtype == back.columns[column].dtype, (name, column)
            assert np.array_equal(values, back.columns[column], equal_nan=values.dtype.kind == "f"), (name, column)


def test_no_plain_id_is_in_the_database(site: Site, households: list[made_up.Household]) -> None:
    with site.database.reading() as connection:
        cells = {cell for table in metadata.sorted_tables for row in connection.execute(select(table)) for cell in row}
    content = "\n".join(cell for cell in cells if isinstance(cell, str))
    assert "\n520523" in content
    for one in households[:20]:
        assert one["household_id"] not in content
        assert one["members"][0]["member_id"] not in content


def test_the_same_folder_again_changes_nothing(own_site: Site, register_folder: Path) -> None:
    key = pseudonym_key(own_site.settings.pseudonym_key, demo=False)
    settings = own_site.settings
    again = import_register(own_site.database, register_folder, key, months=36, uploads=settings.uploads_dir, clock=now, mode="replace")
    assert not again.fresh
    with own_site.database.reading() as connection:
        assert len(connection.execute(select(imports)).all()) == 1


def test_another_key_or_another_span_is_another_import(own_site: Site, register_folder: Path) -> None:
    uploads = own_site.settings.uploads_dir
    key = pseudonym_key(own_site.settings.pseudonym_key, demo=False)
    assert import_register(own_site.database, register_folder, b"x" * 32, months=36, uploads=uploads, clock=now, mode="replace").fresh
    assert import_register(own_site.database, register_folder, key, months=24, uploads=uploads, clock=now, mode="replace").fresh
    with own_site.database.reading() as connection:
        assert len(load_register(connection)) == 400


def test_a_failed_import_leaves_the_old_register(own_site: Site, tmp_path: Path) -> None:
    folder = made_up.write_register(tmp_path / "other", made_up.county(30, seed=3))
    with own_site.database.reading() as connection:
        before = load_register(connection)

    def fail(step: str, rows: int) -> None:
        if step == "writing incomes":
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        import_register(own_site.database, folder, b"k" * 32, months=36, uploads=tmp_path, clock=now, mode="replace", progress=fail)
    with own_site.database.reading() as connection:
        after = load_register(connection)
        assert len(connection.execute(select(imports)).all()) == 1
    assert after.household_id.tolist() == before.household_id.tolist()
    assert len(after.tables["incomes"]) == len(before.tables["incomes"])


def test_problems_are_counted_and_listed_in_full(database: Database, tmp_path: Path) -> None:
    stray = {
        "household_id": "nobody",
        "source": "wage",
        "period_start": "2023-01",
        "period_end": "2023-03",
        "amount": 1.0,
        "known_on": "2023-05-01",
    }
    folder = made_up.write_register(tmp_path / "register", made_up.county(20), {"incomes": [stray]})
    done = import_register(database, folder, b"k" * 32, months=36, uploads=tmp_path / "uploads", clock=now)
    assert (done.fresh, done.households, done.rows_left_out, len(done.problems)) == (True, 20, 1, 1)
    assert done.report is not None
    lines = done.report.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "table,row,column,reason,remedy"
    assert lines[1].startswith("incomes,1,household_id,")


@pytest.mark.parametrize("content", [None, {}])
def test_a_folder_without_usable_households_is_refused(database: Database, tmp_path: Path, content: dict[str, object] | None) -> None:
    folder = tmp_path / "register"
    if content is not None:
        folder.mkdir()
    with pytest.raises(UserError, match=r"no such folder|no households table"):
        import_register(database, folder, b"k" * 32, months=36, uploads=tmp_path, clock=now)


def test_a_register_of_another_codebook_is_refused_not_guessed_at(own_site: Site) -> None:
    with own_site.database.writing() as connection:
        connection.execute(update(imports).values(meanings=None))
    with own_site.database.reading() as connection, pytest.raises(UserError, match="--mode replace"):
        load_register(connection)


def test_a_register_outlives_columns_and_codes_that_came_later(own_site: Site, register_folder: Path) -> None:
    """It was stored before food was asked after and before visits could fail: it reads as ever, and takes further files."""
    then = json.loads(codebook())
    del then["living"]["food_secure"], then["benefits"]
    then["visits"]["found"].pop()
    with own_site.database.reading() as connection:
        whole = load_register(connection)
    with own_site.database.writing() as connection:
        connection.execute(update(imports).values(meanings=json.dumps(then)))
    with own_site.database.reading() as connection:
        assert load_register(connection).info.digest == whole.info.digest
    key = pseudonym_key(own_site.settings.pseudonym_key, demo=True)
    settings = own_site.settings
    again = import_register(own_site.database, register_folder, key, months=36, uploads=settings.uploads_dir, clock=now, mode="replace")
    assert not again.fresh


def test_a_register_whose_codes_changed_places_is_refused(own_site: Site) -> None:
    then = json.loads(codebook())
    then["members"]["sex"].reverse()
    with own_site.database.writing() as connection:
        connection.execute(update(imports).values(meanings=json.dumps(then)))
    with own_site.database.reading() as connection, pytest.raises(UserError, match="--mode replace"):
        load_register(connection)


def test_only_the_months_asked_for_are_stored(empty_site: Site, register_folder: Path) -> None:
    key = pseudonym_key(empty_site.settings.pseudonym_key, demo=True)
    import_register(empty_site.database, register_folder, key, months=12, uploads=empty_site.settings.uploads_dir, clock=now)
    with empty_site.database.reading() as connection:
        ends = load_register(connection).tables["incomes"].columns["period_end"]
    assert ends.min() >= (2022 - 1970) * 12 + 11


def test_two_writers_queue_and_neither_fails(own_site: Site) -> None:
    failures: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(20):
                own_site.token(Role.COUNTY, made_up.COUNTY)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
