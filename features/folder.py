"""What lies in a register folder: which files hold which table, and how the register describes itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import yaml

from features.errors import Problem, RegisterError
from features.register import Indicator, RegisterInfo

DESCRIPTION = "register.yaml"
ENTRIES = ("county", "synthetic", "known_until", "indicators", "seed", "households", "from", "to", "note", "pseudonymised", "key_mark")
COUNTY = re.compile("(?:[0-9]{6})?")


def read_info(folder: Path) -> RegisterInfo:
    """The register's own description, `register.yaml`; a folder without one is a plain, real register.

    Raises:
        RegisterError: it cannot be read; says where, and quotes nothing of it: whatever stands there may be a person's.
    """
    path = folder / DESCRIPTION
    if not path.exists():
        return RegisterInfo()
    try:
        text = path.read_text(encoding="utf-8")
        written = yaml.compose(text, yaml.SafeLoader)
        said = yaml.safe_load(text) or {}
    except UnicodeError:
        raise _wrong(None, None, "不是 UTF-8 编码 it is not written in UTF-8", "请另存为 UTF-8 save it as UTF-8") from None
    except (yaml.YAMLError, ValueError) as error:  # a day that no month has is a ValueError
        mark = getattr(error, "problem_mark", None)
        raise _wrong(mark and mark.line + 1, None, "不是有效的 YAML it is no YAML", "每行写“名称: 值” write NAME: VALUE") from None
    if not isinstance(said, dict):
        raise _wrong(1, None, "应为条目 entries are expected", "每行写“名称: 值” write NAME: VALUE")
    lines = written.value if isinstance(written, yaml.MappingNode) else []
    entries = {name.value: name.start_mark.line + 1 for name, _ in lines}
    for name, line in entries.items():
        if name not in ENTRIES:
            raise _wrong(line, None, "未知条目 the entry is not known", f"可用 known are: {', '.join(ENTRIES)}")
    until, key_mark = said.get("known_until"), str(said.get("key_mark") or "")
    if bool(said.get("pseudonymised", False)) != bool(key_mark):
        raise _wrong(None, "key_mark", "须同时写明 pseudonymised and key_mark belong together", "key_mark says under which key")
    county = str(said.get("county") or "")
    if not COUNTY.fullmatch(county):
        remedy = "写 6 位数字或不写 write 6 digits, or leave it out"
        raise _wrong(entries["county"], "county", "不是区划代码 is no area code", remedy)
    try:
        known_until = dt.date.fromisoformat(str(until)) if until else None
    except ValueError:
        raise _wrong(entries["known_until"], "known_until", "不是日期 is not a date", "write YYYY-MM-DD") from None
    try:
        indicators = tuple(Indicator(**entry) for entry in said.get("indicators") or ())
    except TypeError:
        remedy = f"每项写明 give each: {', '.join(part.name for part in fields(Indicator))}"
        raise _wrong(entries["indicators"], "indicators", "指标声明有误 an indicator is not declared as it should be", remedy) from None
    return RegisterInfo(county, bool(said.get("synthetic", False)), known_until, indicators, key_mark=key_mark)


def _wrong(line: int | None, entry: str | None, reason: str, remedy: str) -> RegisterError:
    return RegisterError(f"{DESCRIPTION} 无法读取 cannot be read", [Problem(DESCRIPTION, line, entry, reason, remedy)])


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
