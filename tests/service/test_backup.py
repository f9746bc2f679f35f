"""A backup taken under way is whole, is checked before it is used, and gives back the same list."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from features.errors import UserError
from service.app import create_app
from service.audit import AuditLog, verify
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


# The command copies SQLite; PostgreSQL has its own, tried beside this.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def test_a_restored_copy_serves_the_same_list(own_site: Site, tmp_path: Path) -> None:
    headers = own_site.headers()
    before = own_site.client.get("/api/v1/risk-list?limit=500", headers=headers).json()
    size = back_up(own_site.settings, tmp_path / "copy of today", now)
    assert size > 100_000
    elsewhere = moved(own_site.settings, tmp_path / "elsewhere")
    restore(elsewhere, tmp_path / "copy of today")
    with TestClient(create_app(elsewhere, clock=now)) as client:
        assert client.get("/api/v1/risk-list?limit=500", headers=headers).json() == before
        assert client.get("/readyz").status_code == 200


def test_a_backup_taken_while_tokens_are_written_is_whole(own_site: Site, tmp_path: Path) -> None:
    stop = threading.Event()
    made: list[str] = []

    def write() -> None:
        while not stop.is_set():
            made.append(own_site.headers()["Authorization"])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            back_up(own_site.settings, tmp_path / str(number), now)
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        assert check(moved(own_site.settings, tmp_path / f"to{number}"), tmp_path / str(number))[1] == []
    assert len(made) > 3


@pytest.mark.parametrize("fault", ["changed", "missing", "added", "no manifest"])
def test_a_damaged_backup_is_refused_and_nothing_is_written(own_site: Site, tmp_path: Path, fault: str) -> None:
    copy = tmp_path / "kept"
    back_up(own_site.settings, copy, now)
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
        restore(moved(own_site.settings, tmp_path / "elsewhere"), copy)
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_there_is_never_overwritten(own_site: Site, tmp_path: Path) -> None:
    back_up(own_site.settings, tmp_path / "kept", now)
    with pytest.raises(UserError, match="already"):
        restore(own_site.settings, tmp_path / "kept")
    with pytest.raises(UserError, match="already"):
        back_up(own_site.settings, tmp_path / "kept", now)


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_what_another_database_left_beside_is_not_read_into_a_restored_one(own_site: Site, tmp_path: Path, end: str) -> None:
    back_up(own_site.settings, tmp_path / "kept", now)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / f"fangpin.db{end}").write_bytes(b"of another database")
    with pytest.raises(UserError, match=f"fangpin.db{end}"):
        restore(moved(own_site.settings, tmp_path / "elsewhere"), tmp_path / "kept")
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == [f"fangpin.db{end}"]


@pytest.mark.parametrize("broken", ["copytree", "copyfile"])
def test_a_restore_that_breaks_off_leaves_nothing_in_use_and_can_be_done_again(
    own_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    back_up(own_site.settings, tmp_path / "kept", now)
    elsewhere = moved(own_site.settings, tmp_path / "elsewhere")
    plain = getattr(shutil, broken)

    def killed(*given: object, **options: object) -> None:
        plain(*given, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, broken, killed)
        with pytest.raises(KeyboardInterrupt):
            restore(elsewhere, tmp_path / "kept")
    assert not [path.name for path in (tmp_path / "elsewhere").iterdir() if not path.name.startswith(".")]
    restore(elsewhere, tmp_path / "kept")
    with TestClient(create_app(elsewhere, clock=now)) as client:
        assert client.get("/readyz").status_code == 200
    assert not list((tmp_path / "elsewhere").glob(".*"))


KILLED = """
import os, signal, sys
from pathlib import Path
from service.backup import restore
from service.settings import Settings

def step(what, done, of):
    if done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

restore(Settings(), Path(sys.argv[1]), step)
"""


def ran(settings: Settings, *command: str) -> subprocess.CompletedProcess[str]:
    given = {f"FANGPIN_{name.upper()}": str(value) for name, value in settings.model_dump().items()}
    return subprocess.run([sys.executable, *command], env={**os.environ, **given}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6], ids=["copied", "copied", "copied", "in place", "in place", "database in place"])
def test_a_killed_restore_is_done_by_the_next_one(own_site: Site, tmp_path: Path, step: int) -> None:
    headers = own_site.headers()
    before = own_site.client.get("/api/v1/risk-list?limit=500", headers=headers).json()
    back_up(own_site.settings, tmp_path / "kept", now)
    elsewhere = moved(own_site.settings, tmp_path / "elsewhere")
    assert ran(elsewhere, "-c", KILLED, str(tmp_path / "kept"), str(step)).returncode == -signal.SIGKILL
    in_place = {path.name for path in (tmp_path / "elsewhere").iterdir() if not path.name.startswith(".")}
    assert in_place == {1: set(), 2: set(), 3: set(), 4: {"bundles"}, 5: {"bundles", "audit"}, 6: {"bundles", "audit", "fangpin.db"}}[step]
    again = ran(elsewhere, "-m", "service", "restore", str(tmp_path / "kept"))
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.count("in place already") == len(in_place)
    assert again.stdout.count("已恢复 restored") == 3 - len(in_place)
    assert not list((tmp_path / "elsewhere").glob(".*"))
    with TestClient(create_app(elsewhere, clock=now)) as client:
        assert client.get("/api/v1/risk-list?limit=500", headers=headers).json() == before


def test_what_was_used_since_a_killed_restore_is_not_taken_for_its_own(own_site: Site, tmp_path: Path) -> None:
    AuditLog(own_site.settings.audit_dir, now).write({"path": "/before"})
    back_up(own_site.settings, tmp_path / "kept", now)
    elsewhere = moved(own_site.settings, tmp_path / "elsewhere")
    assert ran(elsewhere, "-c", KILLED, str(tmp_path / "kept"), "5").returncode == -signal.SIGKILL
    AuditLog(elsewhere.audit_dir, now).write({"path": "/since"})
    with pytest.raises(UserError, match=r"elsewhere/audit 已存在"):
        restore(elsewhere, tmp_path / "kept")
    assert not (tmp_path / "elsewhere" / "fangpin.db").exists()


def test_the_copied_access_log_holds_although_rows_are_written_meanwhile(
    own_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AuditLog(own_site.settings.audit_dir, now)
    log.write({"path": "/before"})
    plain, writers = shutil.copyfile, list[threading.Thread]()

    def copied(source: str, target: str, **options: bool) -> None:
        if Path(source).parent == own_site.settings.audit_dir:  # between one file of the log and the next somebody asks for something
            writers.append(threading.Thread(target=log.write, args=({"path": "/meanwhile"},)))
            writers[-1].start()
            writers[-1].join(0.3)
        plain(source, target, **options)

    monkeypatch.setattr(shutil, "copyfile", copied)
    back_up(own_site.settings, tmp_path / "kept", now)
    for writer in writers:
        writer.join()
    assert len(writers) > 1
    assert verify(tmp_path / "kept" / "audit").broken is None
    assert verify(own_site.settings.audit_dir).rows == verify(tmp_path / "kept" / "audit").rows + len(writers)


def test_a_busy_database_does_not_hold_up_its_own_backup(own_site: Site, tmp_path: Path) -> None:
    seen: list[int] = []

    def written_at_each_step(what: str, done: int, of: int) -> None:
        if what == "database":
            seen.append(done)
            assert len(seen) < 5, "each write makes the copy begin anew"
            own_site.headers()

    with sqlite3.connect(own_site.database.engine.url.database or "") as other:  # larger than one step of the old kind was
        other.execute("CREATE TABLE ballast AS SELECT zeroblob(16000) AS x FROM scores a, scores b LIMIT 4100")
    back_up(own_site.settings, tmp_path / "kept", now, progress=written_at_each_step)
    assert seen


def test_the_key_is_not_in_the_backup(own_site: Site, tmp_path: Path) -> None:
    back_up(own_site.settings, tmp_path / "kept", now)
    key = own_site.settings.pseudonym_key.read_text().strip().encode()
    assert all(key not in path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file())


def test_a_half_written_backup_does_not_pass_for_one(own_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(shutil, "copytree", torn)
    with pytest.raises(OSError, match="disk full"):
        back_up(own_site.settings, tmp_path / "kept", now)
    assert not (tmp_path / "kept").exists()
