"""What is stored can be written out, read and brought in again without becoming anything else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from features.errors import UserError
from features.folder import read_info
from features.pseudonym import key_mark
from features.read import read_register
from features.register import Register
from service.exporting import export_register
from service.importing import import_register
from service.storage.register_store import load_register
from service.storage.tables import visits
from tests.service import made_up
from tests.service.sites import Site, now


def key_of(site: Site) -> bytes:
    return bytes.fromhex(site.settings.pseudonym_key.read_text())


def stored(site: Site, at: int | None = None) -> Register:
    with site.database.reading() as connection:
        return load_register(connection, at=at)


def test_an_export_is_read_as_what_is_stored_with_the_key_and_without(site: Site, tmp_path: Path) -> None:
    export_register(site.database, tmp_path / "out")
    whole = stored(site)
    for key in (key_of(site), None):
        reading = read_register(tmp_path / "out", key)
        assert (reading.rows_left_out, {problem.column for problem in reading.problems}) == ({}, {"known_on"})
        again = reading.register
        assert again.household_id.tolist() == whole.household_id.tolist()
        assert again.info == replace(whole.info, key_mark=key_mark(key_of(site)))
        for name, table in whole.tables.items():
            assert np.array_equal(table.household, again.tables[name].household)
            assert np.array_equal(np.sort(table.visible_on), np.sort(again.tables[name].visible_on))


def test_a_training_run_under_another_key_is_refused(site: Site, tmp_path: Path) -> None:
    export_register(site.database, tmp_path / "out")
    with pytest.raises(UserError, match="another key"):
        read_register(tmp_path / "out", b"x" * 32)


def test_an_export_brought_in_again_changes_nothing(own_site: Site, tmp_path: Path) -> None:
    export_register(own_site.database, tmp_path / "out")
    for mode in ("update", "replace"):
        done = import_register(own_site.database, tmp_path / "out", key_of(own_site), months=None, uploads=tmp_path, clock=now, mode=mode)
        assert not done.fresh


def test_plain_ids_do_not_pass_for_pseudonyms(tmp_path: Path, households: list[made_up.Household]) -> None:
    folder = made_up.write_register(tmp_path / "a", households[:5], pseudonymised=True, key_mark=key_mark(b"k" * 32))
    with pytest.raises(UserError, match="is not"):
        read_register(folder, b"k" * 32)
    (folder / "register.yaml").write_text(yaml.safe_dump({"county": made_up.COUNTY, "pseudonymised": True}), encoding="utf-8")
    with pytest.raises(UserError, match="key_mark"):
        read_info(folder)


def test_an_earlier_import_is_exported_as_it_was(own_site: Site, tmp_path: Path, households: list[made_up.Household]) -> None:
    before = stored(own_site)
    folder = made_up.write_register(tmp_path / "few", households[:7])
    import_register(own_site.database, folder, key_of(own_site), months=36, uploads=tmp_path, clock=now, mode="replace")
    assert export_register(own_site.database, tmp_path / "now").households == 7
    assert export_register(own_site.database, tmp_path / "then", at=1).households == len(before)
    assert read_register(tmp_path / "then", None).register.info.digest == before.info.digest
    with pytest.raises(UserError, match="no import 99"):
        export_register(own_site.database, tmp_path / "never", at=99)
    with pytest.raises(UserError, match="already"):
        export_register(own_site.database, tmp_path / "then")


def test_visits_recorded_in_the_service_are_known_from_the_day_they_were_recorded(own_site: Site, tmp_path: Path) -> None:
    whole = stored(own_site)
    household = str(whole.household_id[3])
    place = {"county": made_up.COUNTY, "town": made_up.VILLAGES[0][:9], "village": made_up.VILLAGES[0]}
    plain = {"household_id": household, "visited_on": "2024-01-10", "note": "", "recorded_by": "test", **place}
    revisions = [
        {"revision": 1, "reason": "routine", "found": "risk", "recorded_at": "2024-01-10T01:00:00Z"},
        {"revision": 2, "reason": "list", "found": "absent", "recorded_at": "2024-01-11T01:00:00Z"},
        {"revision": 3, "reason": "list", "found": "no_risk", "recorded_at": "2024-01-19T20:00:00Z"},
    ]
    with own_site.database.writing() as connection:
        connection.execute(visits.insert(), [plain | revision for revision in revisions])
    done = export_register(own_site.database, tmp_path / "out")
    assert done.visits == 2
    register = read_register(tmp_path / "out", None).register
    table = register.tables["visits"]
    assert {str(register.household_id[at]) for at in table.household} == {household}
    days = (table.columns["known_on"] - (dt_day := int(table.columns["visited_on"][0]))).tolist()
    assert (sorted(days), dt_day > 0) == ([1, 10], True)  # 20:00 UTC on the 19th is the 20th in China
    shutil.rmtree(tmp_path / "out")


def test_what_a_broken_export_left_is_in_nobodys_way(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "visits.parquet").write_bytes(b"half")
    export_register(site.database, tmp_path / "out")
    reading = read_register(tmp_path / "out", None)
    assert (reading.rows_left_out, {problem.column for problem in reading.problems}) == ({}, {"known_on"})
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
