"""A backup taken under way is whole, is checked before it is used, and gives back the same list."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from features.errors import UserError
from service.app import create_app
from service.backup import MANIFEST, back_up, check, restore
from service.settings import Settings
from tests.service.sites import Site, now


def moved(settings: Settings, folder: Path) -> Settings:
    """The settings of an empty installation elsewhere, with the same key."""
    return settings.model_copy(
        update={
            "database_url": f"sqlite:///{folder / 'fangpin.db'}",
            "bundle_dir": folder / "bundles",
            "audit_dir": folder / "audit",
        }
    )


@pytest.fixture
def sqlite_site(own_site: Site) -> Site:
    if not own_site.database.is_sqlite:
        pytest.skip("the command copies SQLite; PostgreSQL has its own pg_dump, see docs/deploy.md")
    return own_site


def test_a_restored_copy_serves_the_same_list(sqlite_site: Site, tmp_path: Path) -> None:
    headers = sqlite_site.headers()
    before = sqlite_site.client.get("/api/v1/risk-list?limit=500", headers=headers).json()
    size = back_up(sqlite_site.settings, tmp_path / "copy of today", now)
    assert size > 100_000
    elsewhere = moved(sqlite_site.settings, tmp_path / "elsewhere")
    restore(elsewhere, tmp_path / "copy of today")
    with TestClient(create_app(elsewhere, clock=now)) as client:
        assert client.get("/api/v1/risk-list?limit=500", headers=headers).json() == before
        assert client.get("/readyz").status_code == 200


def test_a_backup_taken_while_tokens_are_written_is_whole(sqlite_site: Site, tmp_path: Path) -> None:
    stop = threading.Event()
    made: list[str] = []

    def write() -> None:
        while not stop.is_set():
            made.append(sqlite_site.headers()["Authorization"])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            back_up(sqlite_site.settings, tmp_path / str(number), now)
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        assert check(moved(sqlite_site.settings, tmp_path / f"to{number}"), tmp_path / str(number))
    assert len(made) > 3


@pytest.mark.parametrize("fault", ["changed", "missing", "added", "no manifest"])
def test_a_damaged_backup_is_refused_and_nothing_is_written(sqlite_site: Site, tmp_path: Path, fault: str) -> None:
    copy = tmp_path / "copy"
    back_up(sqlite_site.settings, copy, now)
    pointer = copy / "bundles" / "active.json"
    match fault:
        case "changed":
            pointer.write_text(json.dumps({"version": "other"}))
        case "missing":
            pointer.unlink()
        case "added":
            (copy / "bundles" / "more.json").write_text("{}")
        case "no manifest":
            (copy / MANIFEST).unlink()
    with pytest.raises(UserError):
        restore(moved(sqlite_site.settings, tmp_path / "elsewhere"), copy)
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_there_is_never_overwritten(sqlite_site: Site, tmp_path: Path) -> None:
    back_up(sqlite_site.settings, tmp_path / "copy", now)
    with pytest.raises(UserError, match="already"):
        restore(sqlite_site.settings, tmp_path / "copy")
    with pytest.raises(UserError, match="already"):
        back_up(sqlite_site.settings, tmp_path / "copy", now)


def test_the_key_is_not_in_the_backup(sqlite_site: Site, tmp_path: Path) -> None:
    back_up(sqlite_site.settings, tmp_path / "copy", now)
    key = sqlite_site.settings.pseudonym_key.read_text().strip().encode()
    assert all(key not in path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file())


def test_a_half_written_backup_does_not_pass_for_one(sqlite_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(shutil, "copytree", torn)
    with pytest.raises(OSError, match="disk full"):
        back_up(sqlite_site.settings, tmp_path / "copy", now)
    assert not (tmp_path / "copy").exists()
