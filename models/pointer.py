"""Which model is to be used: a small file beside the kept bundle folders that names one of them.

Training points it at a model that passed the gate, the service watches it, and either may point it back: a bundle folder is never moved
or changed, so going back to the previous model is a matter of one file, replaced in one step that cannot be half done.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import BundleError

ACTIVE = "active.json"
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
AGAIN = "重新启用模型 promote the model again"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What the file says.

    Attributes:
        version: of the model to use, which is the name of its folder.
        previous: the one that was used before, to go back to; None where there was none.
        override: why it is used although the gate objected, or why somebody switched by hand; None otherwise.
    """

    version: str
    previous: str | None = None
    override: str | None = None


def read(bundles: Path) -> Pointer:
    """What is to be used.

    Args:
        bundles: holds the pointer and a folder a version.

    Raises:
        BundleError: nothing was promoted yet, or the pointer cannot be read.
    """
    try:
        said = json.loads((bundles / ACTIVE).read_text(encoding="utf-8"))
        version, previous, override = said["version"], said.get("previous"), said.get("override")
    except FileNotFoundError:
        raise BundleError(
            None, ACTIVE, "还没有启用的模型 no model is in use yet", "训练并启用 run python -m training train, then promote"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(None, ACTIVE, f"无法识别 cannot be read: {type(error).__name__}", AGAIN) from None
    if not _is_version(version) or not (previous is None or _is_version(previous)):
        raise BundleError(None, ACTIVE, f"版本号有误 is no version: {version!r}", AGAIN)
    return Pointer(version, previous, override if isinstance(override, str) else None)


def _is_version(word: Any) -> bool:
    return isinstance(word, str) and VERSION.fullmatch(word) is not None


def kept(bundles: Path) -> list[str]:
    """The versions whose folders are there, the one written last first."""
    folders = [path for path in bundles.iterdir() if path.is_dir() and VERSION.fullmatch(path.name)] if bundles.is_dir() else []
    return [path.name for path in sorted(folders, key=lambda path: (-path.stat().st_mtime_ns, path.name))]


def point(bundles: Path, version: str, override: str | None = None) -> Pointer:
    """Makes a version the one to use; whoever reads meanwhile sees the old pointer or the new one, nothing between.

    Args:
        bundles: holds the version's folder, which the caller has checked.
        version: the one to use from now on.
        override: why, where the gate did not decide.
    """
    try:
        before = read(bundles)
        previous = before.previous if before.version == version else before.version
    except BundleError:
        previous = None
    pointer = Pointer(version, previous, override)
    handle, name = tempfile.mkstemp(prefix=".active-", dir=bundles)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump({"version": version, "previous": previous, "override": override}, out, ensure_ascii=False)
        out.flush()
        os.fsync(out.fileno())
    Path(name).chmod(0o644)
    Path(name).replace(bundles / ACTIVE)
    return pointer
