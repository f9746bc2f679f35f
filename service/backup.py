"""A copy of everything that could not be made again, taken while the service runs, and its way back.

A backup is a folder: the database as of one moment, the model bundles, the access log, and `manifest.json` with the sha256 of each
file. The pseudonym key is left out: whoever holds both could undo the pseudonyms, so it is kept in another place.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

from sqlalchemy.engine import make_url

from features.errors import UserError
from service.audit import standing_still
from service.clock import Clock, stamp
from service.settings import Settings

MANIFEST = "manifest.json"
DATABASE = "fangpin.db"
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a database; left over from another one, it would be read into this one


Progress = Callable[[str, int, int], None]


def _folders(settings: Settings) -> dict[str, Path]:
    return {"bundles": settings.bundle_dir, "audit": settings.audit_dir}


def _file_of(settings: Settings) -> Path:
    address = make_url(settings.database_url)
    if address.get_backend_name() != "sqlite" or not address.database:
        raise UserError(
            "此命令只备份 SQLite；PostgreSQL 请用 pg_dump this command copies SQLite; for PostgreSQL run: "
            "pg_dump --format=custom --file=fangpin.dump DATABASE, and copy the folders of bundles and of the access log"
        )
    return Path(address.database)


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): _hash(path) for path in files}


def _hash(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def back_up(settings: Settings, out: Path, clock: Clock, progress: Progress = lambda *_: None) -> int:
    """Copies the database, the bundles and the access log into a new folder.

    Args:
        settings: of the installation; it may be serving meanwhile.
        out: must not exist yet; appears only when the copy is whole.
        clock: for the manifest.
        progress: called with (what, done, of).

    Returns:
        bytes written.

    Raises:
        UserError: the database is not SQLite, is not there, or `out` is.
    """
    source = _file_of(settings)
    if not source.is_file():
        raise UserError(f"没有数据库 there is no database yet: {source}")
    if out.exists():
        raise UserError(f"{out} 已存在，不会覆盖 exists already and is not overwritten: choose another folder")
    beside = out.with_name(f".{out.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as here, closing(sqlite3.connect(beside / DATABASE)) as there:
        # In one step, which holds nobody up: between several, each write would have the copy begin anew, and it might never end.
        here.backup(there, pages=-1, progress=lambda _, left, total: progress("database", total - left, total))
        there.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    for name, folder in _folders(settings).items():
        progress(name, 0, 1)
        if folder.is_dir():
            with standing_still(settings.audit_dir) if folder == settings.audit_dir else nullcontext():
                shutil.copytree(folder, beside / name)
    files = _hashes(beside)
    (beside / MANIFEST).write_text(json.dumps({"made_at": stamp(clock()), "files": files}, indent=1), encoding="utf-8")
    beside.rename(out)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def check(settings: Settings, folder: Path) -> tuple[dict[str, Path], list[Path]]:
    """Whether a backup is whole and where its parts would go.

    Args:
        settings: where to.
        folder: a backup; every file is held against its hash.

    Returns:
        the place of each part that is still to be written; and the places of those that are there already, file by file as in the
        backup: an earlier restore was killed behind them.

    Raises:
        UserError: the backup is damaged or incomplete, or something else is already there, if only what SQLite keeps beside
            a database: move it away first.
    """
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{folder} 不是完整的备份 is no whole backup: {error}") from None
    have = _hashes(folder)
    wrong = sorted(name for name in said.keys() | have.keys() if said.get(name) != have.get(name))
    if wrong:
        raise UserError(f"备份已损坏 the backup is damaged; nothing was restored: {', '.join(wrong[:5])}")
    target = _file_of(settings)
    places = {DATABASE: target, **{name: path for name, path in _folders(settings).items() if (folder / name).is_dir()}}
    beside = [target.with_name(target.name + end) for end in BESIDE]
    there = [path for path in (*places.values(), *beside) if path.is_file() or (path.is_dir() and any(path.iterdir()))]
    done = {name: path for name, path in places.items() if path in there and _contents(path, name) == _contents(folder / name, name)}
    foreign = [path for path in there if path not in done.values()]
    if foreign:
        raise UserError(
            f"{', '.join(str(path) for path in foreign)} 已存在，请先移走 exists already: "
            "stop the service and move it away, then restore again"
        )
    return {name: path for name, path in places.items() if name not in done}, list(done.values())


def _contents(path: Path, name: str) -> dict[str, str]:
    """The hash of each file of a part, by its name within the part."""
    return _hashes(path) if path.is_dir() else {name: _hash(path)}


def restore(settings: Settings, folder: Path, progress: Progress = lambda *_: None) -> tuple[list[Path], list[Path]]:
    """Puts a backup where the settings say, into an installation that holds nothing yet.

    However it is killed, no database is in use before everything else is in its place, and the same command goes on where it ended.

    Args:
        settings: where to.
        folder: the backup.
        progress: called with (what, done, of).

    Returns:
        what was written, and what an earlier restore had put in place already.

    Raises:
        UserError: as `check`.
    """
    places, done = check(settings, folder)
    for number, (name, path) in enumerate(places.items(), start=1):
        part = _part(path)
        part.parent.mkdir(parents=True, exist_ok=True)
        if (folder / name).is_dir():
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(folder / name, part)
        else:
            shutil.copyfile(folder / name, part)
        progress(name, number, 2 * len(places))
    last = sorted(places, key=lambda name: name == DATABASE)  # without the database nothing is in use
    for number, name in enumerate(last, start=len(places) + 1):
        _part(places[name]).replace(places[name])
        progress(name, number, 2 * len(places))
    return [places[name] for name in last], done


def _part(path: Path) -> Path:
    """Where a part is written until it is whole."""
    return path.with_name(f".{path.name}.part")
