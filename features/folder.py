"""What lies in a register folder: which files hold which table, and how the register describes itself."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from pathlib import Path

import yaml

from features.errors import RegisterError
from features.register import Indicator, RegisterInfo


def read_info(folder: Path) -> RegisterInfo:
    """The register's own description, `register.yaml`; a folder without one is a plain, real register."""
    path = folder / "register.yaml"
    if not path.exists():
        return RegisterInfo()
    text = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    known = {"county", "synthetic", "known_until", "indicators", "seed", "households", "from", "to", "note", "pseudonymised", "key_mark"}
    if extra := set(text) - known:
        raise RegisterError(f"{path}: unknown entries 未知条目 {sorted(extra)}; known are {sorted(known)}")
    until, mark = text.get("known_until"), str(text.get("key_mark") or "")
    if bool(text.get("pseudonymised", False)) != bool(mark):
        raise RegisterError(f"{path}: pseudonymised and key_mark belong together 须同时写明: key_mark says under which key")
    return RegisterInfo(
        county=str(text.get("county") or ""),
        synthetic=bool(text.get("synthetic", False)),
        known_until=dt.date.fromisoformat(str(until)) if until else None,
        indicators=tuple(Indicator(**entry) for entry in text.get("indicators") or ()),
        key_mark=mark,
    )


def table_files(folder: Path, name: str) -> list[Path]:
    """The files of one table: NAME.parquet, NAME.csv or the parts inside the folder NAME."""
    found = [path for path in (folder / f"{name}.parquet", folder / f"{name}.csv") if path.is_file()]
    if (folder / name).is_dir():
        found += sorted(path for path in (folder / name).iterdir() if path.suffix in {".parquet", ".csv"})
    return found


def digest(files: Iterable[Path]) -> str:
    """sha256 over the files' names and contents."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(path.name.encode())
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()
