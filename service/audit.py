"""The access log: who asked for what, when, and how many households the answer showed; rows are added and never changed.

One JSON object a line, a file a month. Each row bears the hash of the row before it and its own, so that a row that is changed, taken out,
put in or moved breaks the chain; `head.json` holds the last row's, so that a tail that is cut off is missed. Several processes write
one chain: whoever holds the lock on the head file reads where the chain ends, adds a row with one write, and moves the head.

A line torn by a loss of power stays where it is, and the next row says so (`note`). What the chain cannot show is that somebody who may
write in the folder made the whole of it anew: note the head's hash elsewhere from time to time, and ask `verify` for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from service.clock import Clock, stamp

FIRST = "0" * 64  # what the first row follows
HEAD = "head.json"
HEAD_BYTES = 320  # of one size, so that a new head covers the old one
TAIL_BYTES = 65_536
NEW_LINE = b"\n"
MONTHS = "audit-*.jsonl"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: the last row's number and hash, its file, and that file's size."""

    n: int = 0
    hash: str = FIRST
    file: str = ""
    size: int = 0

    def line(self, row: Mapping[str, Any]) -> tuple[bytes, str]:
        """The line that comes next, and its hash."""
        body = orjson.dumps({"n": self.n + 1, "prev": self.hash, **row})
        digest = hashlib.sha256(body).hexdigest()
        return body[:-1] + b',"hash":"' + digest.encode() + b'"}\n', digest


class AuditLog:
    """Writes rows into a folder.

    Args:
        folder: of the files; made when it is first needed.
        clock: for the time of each row and the month of its file.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.clock = clock
        self.usable = True
        self._lock = threading.Lock()
        self._files: dict[str, int] = {}

    def write(self, row: Mapping[str, Any]) -> None:
        """Adds a row; when this returns the operating system has it.

        Raises:
            OSError: it could not be written.
        """
        with self._chain() as (head_file, end):
            now = stamp(self.clock())
            head = self._mended(end, now)
            month = f"audit-{now[:7]}.jsonl"
            if month > head.file:  # a clock that goes backwards does not open an earlier month again
                head = Head(head.n, head.hash, month, 0)
                self._move(head_file, head)  # before its first row, so that one which a kill cuts off from its head is found again
                head = self._mended(head, now)
            self._move(head_file, self._add(head, {"time": now, **row}))

    def check(self) -> None:
        """Raises OSError if no row could be written."""
        with self._chain() as (_, head):
            month = f"audit-{stamp(self.clock())[:7]}.jsonl"
            self._open(max(month, head.file))
            space = os.statvfs(self.folder)
            if space.f_bavail * space.f_frsize < TAIL_BYTES:
                raise OSError("no space is left for the access log")

    def close(self) -> None:
        """Closes the files; the next row opens them again."""
        with self._lock:
            self._close()

    @contextmanager
    def _chain(self) -> Iterator[tuple[int, Head]]:
        """The end of the chain, which nobody else moves meanwhile."""
        with self._lock:
            try:
                head_file = self._open(HEAD, os.O_RDWR)
                fcntl.flock(head_file, fcntl.LOCK_EX)
                try:
                    yield head_file, self._head(head_file)
                finally:
                    fcntl.flock(head_file, fcntl.LOCK_UN)
                self.usable = True
            except OSError:
                self.usable = False
                self._close()
                raise

    def _open(self, name: str, mode: int = os.O_RDWR | os.O_APPEND) -> int:
        file = self._files.get(name)
        if file is not None:
            if not os.fstat(file).st_nlink:
                raise OSError(f"{name} was taken away: what is written into it would be lost")
            return file
        if len(self._files) > 2:
            for old in [known for known in self._files if known != HEAD]:
                os.close(self._files.pop(old))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._files[name] = os.open(self.folder / name, mode | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._files[name]

    def _close(self) -> None:
        for file in self._files.values():
            with suppress(OSError):
                os.close(file)
        self._files.clear()

    def _head(self, file: int) -> Head:
        """Where the chain ends according to the head file; worked out from the last rows where it is gone, which is noted."""
        text = os.pread(file, HEAD_BYTES, 0)
        with suppress(ValueError, TypeError):
            return Head(**orjson.loads(text))
        months = [path for path in sorted(self.folder.glob(MONTHS)) if path.stat().st_size]
        if not months:
            return Head()
        last = months[-1]
        size = last.stat().st_size
        end = Head(0, FIRST, last.name, size)
        for line in reversed(_tail(self._open(last.name), size).split(NEW_LINE)[:-1]):
            row = read_row(line)
            if row is not None:
                end = Head(row["n"], row["hash"], last.name, size)
                break
        return self._add(end, {"time": stamp(self.clock()), "note": "head_missing"})

    def _mended(self, head: Head, now: str) -> Head:
        """The end of the chain after what an interrupted write left behind is dealt with."""
        if not head.file:
            return head
        file = self._open(head.file)
        size = os.fstat(file).st_size
        if size == head.size:
            return head
        beyond = os.pread(file, size - head.size, head.size) if size > head.size else _tail(file, size)
        *lines, fragment = beyond.split(NEW_LINE)
        found = 0
        for line in lines if size > head.size else ():
            row = read_row(line)
            if row is not None and (row["n"], row["prev"]) == (head.n + 1, head.hash):
                head = Head(row["n"], row["hash"], head.file, size)
                found += 1
        head = Head(head.n, head.hash, head.file, size)
        if fragment:
            torn = {"time": now, "note": "torn_line", "bytes": len(fragment), "sha256": hashlib.sha256(fragment).hexdigest()}
            return self._add(head, torn, before=NEW_LINE)
        return self._add(head, {"time": now, "note": "recovered", "rows": found}) if found else head

    def _add(self, head: Head, row: Mapping[str, Any], before: bytes = b"") -> Head:
        line, digest = head.line(row)
        content = before + line
        if os.write(self._open(head.file), content) != len(content):
            raise OSError("the access log took only part of a row")
        return Head(head.n + 1, digest, head.file, head.size + len(content))

    def _move(self, file: int, head: Head) -> None:
        text = orjson.dumps(asdict(head)).ljust(HEAD_BYTES - 1) + NEW_LINE
        if os.pwrite(file, text, 0) != HEAD_BYTES:
            raise OSError("the head of the access log was written only in part")


def _tail(file: int, size: int) -> bytes:
    return os.pread(file, TAIL_BYTES, max(0, size - TAIL_BYTES))


def read_row(line: bytes) -> Row | None:
    """A row whose own hash is right; None where the line is none."""
    body, mark, digest = line.rpartition(b',"hash":"')
    try:
        row = orjson.loads(line)
    except ValueError:
        return None
    good = isinstance(row, dict) and mark and digest == hashlib.sha256(body + b"}").hexdigest().encode() + b'"}'
    return row if good and type(row.get("n")) is int and type(row.get("prev")) is str else None


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the chain does not hold."""

    file: str
    line: int
    why: str


@dataclass(slots=True)
class Verified:
    """What a walk along the chain came to.

    Attributes:
        rows: how many were read up to the end, or to the break.
        head: hash of the last of them.
        broken: the first break; None where the chain holds.
        notes: what the log itself says of torn lines and the like.
    """

    rows: int = 0
    head: str = FIRST
    broken: Break | None = None
    notes: list[str] | None = None


def verify(folder: Path, expected: str | None = None) -> Verified:
    """Walks along the chain from its first row to its head.

    Args:
        folder: of the access log; the service may be writing meanwhile.
        expected: the hash of a row that must be in it, noted elsewhere earlier.
    """
    told = Verified(notes=[])
    files, head = _snapshot(folder)
    place = ("", 0)
    seen = expected is None
    for path, size in files:
        with path.open("rb") as file:
            content = file.read(size)
        place, broken = _walk(path.name, content, told)
        seen = seen or (expected is not None and f'"hash":"{expected}"'.encode() in content)
        if broken is not None:
            told.broken = broken
            return told
    if head is None:
        told.broken = (
            Break(HEAD, 1, "末端记录缺失 the head is missing or unreadable: whether rows were cut off cannot be told") if files else None
        )
    elif (head.n, head.hash) != (told.rows, told.head):
        told.broken = Break(*place, _difference(head.n - told.rows))
    elif not seen:
        told.broken = Break(*place, f"找不到此前记下的行 the row noted elsewhere is not in the log: {expected}")
    return told


def _difference(rows: int) -> str:
    if rows > 0:
        return f"末尾缺 {rows} 行 rows are missing behind this one: {rows}"
    if rows < 0:
        return f"末尾多 {-rows} 行 rows were added past the head: {-rows}"
    return "末行与末端记录不符 the last row is not the one that the head names"


@contextmanager
def standing_still(folder: Path) -> Iterator[None]:
    """While this is held nobody adds a row: files and head are those of one moment. Requests wait for it, so keep it short."""
    try:
        file = (folder / HEAD).open("rb")
    except FileNotFoundError:
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _snapshot(folder: Path) -> tuple[list[tuple[Path, int]], Head | None]:
    """The sizes of all files and the head as they are at one moment: rows only come behind, so nobody need wait while they are read."""
    with standing_still(folder):
        head = None
        with suppress(FileNotFoundError, ValueError, TypeError):
            head = Head(**orjson.loads((folder / HEAD).read_bytes()[:HEAD_BYTES]))
        return [(path, path.stat().st_size) for path in sorted(folder.glob(MONTHS))], head


def _walk(name: str, content: bytes, told: Verified) -> tuple[tuple[str, int], Break | None]:
    """Goes along one file; returns its last line, and the first break."""
    torn: tuple[int, bytes] | None = None
    number = 0
    *lines, fragment = content.split(NEW_LINE)
    notes = told.notes if told.notes is not None else []
    for number, line in enumerate(lines, start=1):
        row = read_row(line)
        if row is None and torn is None:
            torn = (number, line)
            continue
        if torn is not None:
            good = row is not None and row.get("note") == "torn_line" and row.get("sha256") == hashlib.sha256(torn[1]).hexdigest()
            if not good:
                return (name, torn[0]), Break(name, torn[0], "此行被改动 the line was changed")
            torn = None
        assert row is not None  # noqa: S101 (either it is a row, or it was returned above)
        if row["n"] != told.rows + 1:
            why = f"应为第 {told.rows + 1} 行，实为 {row['n']} row {told.rows + 1} should stand here, not {row['n']}"
            return (name, number), Break(name, number, why)
        if row["prev"] != told.head:
            return (name, number), Break(name, number, "与前一行不相连 does not follow from the row before it: one of the two was replaced")
        if "note" in row:
            notes.append(f"{name}:{number} {row['time']} {row['note']}")
            if row["note"] == "head_missing":
                return (name, number), Break(name, number, "末端记录曾缺失 the head was missing here: rows before it may have been cut off")
        told.rows, told.head = row["n"], row["hash"]
    if torn is not None:
        return (name, torn[0]), Break(name, torn[0], "此行被改动 the line was changed")
    if fragment:
        return (name, number + 1), Break(name, number + 1, "末行不完整 the last line is torn; the next row of the service will note it")
    return (name, number), None


def rows_of(folder: Path, since: str = "") -> Iterator[Row]:
    """The rows of the access log in order, from a day or moment on; lines that are none are passed over."""
    for path in sorted(folder.glob(MONTHS)):
        if f"audit-{since[:7]}" > path.name.removesuffix(".jsonl"):
            continue
        with path.open("rb") as file:
            for line in file:
                row = read_row(line.rstrip(NEW_LINE))
                if row is not None and row.get("time", "") >= since:
                    yield row
