"""The files of a model folder: written all at once, read only when every one of them is what the manifest says.

What the files mean is `models.bundle`'s business. Here is what keeps a damaged, mixed-up or foreign folder out: fixed
file names (no path leads outside), no symbolic links, nothing missing, nothing besides, every sha256 as listed, the
manifest itself byte for byte as it was written. Hashes guard against damage and mix-ups; who may write the folder is
the system's business.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from models.errors import BundleError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
PARTS = ("calibration.json", "thresholds.json", "reference.json", "importance.json", "card.json")
MEMBER_FILE = re.compile(r"members/\d{2}\.(txt|json)")
LARGEST_FILE = 1 << 30
MEND = "从训练端重新导出 export it again from training"


class Reading:
    """Turns whatever goes wrong while one file is understood into an error that names the file."""

    def __init__(self, folder: Path | None, file: str) -> None:
        self._folder = folder
        self._file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        expected = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
        if isinstance(error, expected):
            said = f"{type(error).__name__}: {error}"
            raise BundleError(self._folder, self._file, f"内容不合规 not as it should be: {said}", MEND) from error


def dump(value: Any, folder: Path | None = None, file: str = "") -> bytes:
    """A value as the one JSON text that stands for it: keys sorted, no NaN.

    >>> print(dump({"b": 1, "a": 0.1}).decode().strip())
    {
     "a": 0.1,
     "b": 1
    }
    """
    with Reading(folder, file):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"


def parse(content: bytes) -> Any:
    """The value of a JSON text. Raises ValueError where it is none, NaN and Infinity included."""

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no JSON number")

    return json.loads(content.decode("utf-8"), parse_constant=refuse)


def seal(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> tuple[dict[str, bytes], str]:
    """Adds to the files the manifest that vouches for them.

    Args:
        manifest: what it says beside the hashes.
        files: by name, relative to the folder.

    Returns:
        all files, the manifest among them, and the version: 12 hex digits of the sha256 over the manifest, hence over every file.
    """
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    told = {**manifest, "format_version": FORMAT_VERSION, "files": hashes}
    version = _version(told)
    return {**files, MANIFEST: dump({**told, "version": version}, None, MANIFEST)}, version


def put(files: Mapping[str, bytes], folder: Path) -> None:
    """Writes the files as a new folder, all of it or nothing; refuses a folder that already holds something."""
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise BundleError(folder, "", "已经存在 already exists", "换一个目录 choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            path = beside / name
            path.parent.mkdir(exist_ok=True)
            with path.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
        beside.chmod(0o755)  # made for one user; the service may be another
        beside.rename(folder)  # takes the place of an empty folder, refuses a full one
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def get(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Reads a folder's manifest and every file it lists, and nothing else.

    Returns:
        the manifest with its version, and the files' content by name, hashes checked.
    """
    if not folder.is_dir():
        raise BundleError(folder, "", "没有这个目录 no such folder", "先训练并发布 train and promote first")
    manifest = _manifest(folder)
    files = {}
    for name, digest in manifest["files"].items():
        files[name] = _content(folder, name)
        if hashlib.sha256(files[name]).hexdigest() != digest:
            reason = "与清单的校验和不符，文件损坏或被改动 is not what the manifest's sha256 says: damaged or changed"
            raise BundleError(folder, name, reason, MEND)
    allowed = {*files, MANIFEST, "members"}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in allowed or path.is_symlink():
            raise BundleError(folder, name, "不属于这个模型包 does not belong to this bundle", "移走它 move it away, or export again")
    return manifest, files


def _version(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(dump(dict(manifest), None, MANIFEST)).hexdigest()[:12]


def _content(folder: Path, name: str) -> bytes:
    path = folder / name
    if path.is_symlink() or path.parent.is_symlink():
        raise BundleError(folder, name, "是符号链接 is a symbolic link", "换成文件本身 put the file itself there")
    if not path.is_file():
        raise BundleError(folder, name, "缺少文件 is missing", MEND)
    if path.stat().st_size > LARGEST_FILE:
        raise BundleError(folder, name, "大于 1 GiB is over 1 GiB", "减少树的数量 train fewer trees")
    return path.read_bytes()


def _manifest(folder: Path) -> dict[str, Any]:
    content = _content(folder, MANIFEST)
    with Reading(folder, MANIFEST):
        manifest = parse(content)
        if not isinstance(manifest, dict):
            raise ValueError("not an object")
        found = manifest.get("format_version")
        if found != FORMAT_VERSION:
            raise BundleError(
                folder,
                MANIFEST,
                f"格式版本 {found!r}，本程序读 {FORMAT_VERSION} format version {found!r}, this programme reads {FORMAT_VERSION}",
                "换用配套版本的程序，或重新导出 use the matching version of the programme, or export again",
            )
        version = manifest.pop("version")
        if version != _version(manifest) or content != dump({**manifest, "version": version}):
            raise BundleError(folder, MANIFEST, "写成后被改动 was changed after it was written", MEND)
        listed = [entry["file"] for entry in manifest["members"]]
        for name in (*listed, *manifest["files"]):
            if name not in PARTS and not MEMBER_FILE.fullmatch(name):
                raise ValueError(f"file name {name!r} has no place in a bundle")
        if sorted(manifest["files"]) != sorted((*PARTS, *listed)):
            raise ValueError("the files listed are not those of the parts and members")
    return {**manifest, "version": version}
