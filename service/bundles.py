"""The model in use: the bundle that `active.json` names, loaded when it changes; one that cannot be used never replaces one that can."""

from __future__ import annotations

import json
import logging
import re
import threading
from pathlib import Path

from models.bundle import Bundle, load
from models.errors import BundleError

logger = logging.getLogger(__name__)

ACTIVE = "active.json"
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


def active_folder(folder: Path) -> Path:
    """The folder of the bundle that is to be used.

    Args:
        folder: holds `active.json` {"version": …} and a folder a version; or is, as `active`, a bundle folder itself.

    Raises:
        BundleError: nothing was promoted yet, or the pointer cannot be read.
    """
    pointer = folder / ACTIVE
    try:
        version = json.loads(pointer.read_text(encoding="utf-8"))["version"]
    except FileNotFoundError:
        if (folder / "active").is_dir():
            return folder / "active"
        raise BundleError(
            None, ACTIVE, "还没有启用的模型 no model is in use yet", "训练并启用 run python -m training train, then promote"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(None, ACTIVE, f"无法识别 cannot be read: {error}", "重新启用模型 promote the model again") from None
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise BundleError(None, ACTIVE, f"版本号有误 is no version: {version!r}", "重新启用模型 promote the model again")
    return folder / version


class ActiveBundle:
    """Gives the bundle in use; notices when another one was promoted.

    Args:
        folder: the bundle directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._bundle: Bundle | None = None
        self._refused: BundleError | None = None

    def current(self) -> Bundle:
        """The bundle to score with.

        Raises:
            BundleError: there is none that can be used.
        """
        mark = self._mark()
        if mark != self._seen or self._bundle is None:
            with self._lock:
                if mark != self._seen or self._bundle is None:
                    self._load()
                    self._seen = mark
        if self._bundle is None:
            raise self._refused or BundleError(None, ACTIVE, "没有可用的模型 no usable model", "启用一个模型 promote a model")
        return self._bundle

    def _mark(self) -> tuple[int, int] | None:
        try:
            stat = (self.folder / ACTIVE).stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino

    def _load(self) -> None:
        try:
            self._bundle = load(active_folder(self.folder))
            self._refused = None
            logger.info("model %s in use", self._bundle.version)
        except BundleError as error:
            self._refused = error
            logger.error("the promoted model is refused, the previous one stays in use: %s", error)
