"""The model in use: the bundle that the pointer names, taken up while the service runs. What cannot be used never replaces what can.

A thread of each worker looks at the folder once a second. When the pointer or a file behind it has changed, the bundle is loaded beside the
one in use, tried out, and put in its place by one assignment: a request takes the bundle once, so it is scored by one of them from
beginning to end. A request never looks at the disk.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.bundle import Bundle, load
from models.errors import BundleError
from models.pointer import ACTIVE, Pointer, read
from service.clock import Clock, stamp, utc_now

logger = logging.getLogger(__name__)

WATCH_SECONDS = 1.0
UNTOLD = 100
TOLD = ("headline", "county", "made_of", "data_version", "policy_version", "limits")
CUTOFFS = ("red", "orange", "yellow")
TRIED = 256  # rows of the batch that is tried: enough for the tables to be used as a large request uses them


@dataclass(frozen=True, slots=True)
class Refused:
    """A bundle that was promoted and cannot be used."""

    version: str
    error: BundleError
    at: str

    @property
    def reason(self) -> str:
        """What is wrong with it, and what to do."""
        return str(self.error)


@dataclass(frozen=True, slots=True)
class State:
    """Which model answers, and what stands against another one.

    Attributes:
        bundle: what requests are scored with; None where nothing can be used.
        since: from when on this worker used it.
        pointer: what was promoted, as last read; None where it cannot be read.
        refused: why the promoted one is not the one in use; None where it is.
    """

    bundle: Bundle | None = None
    since: str = ""
    pointer: Pointer | None = None
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that belongs into the model's history: in_use or refused."""

    event: str
    model_name: str
    model_version: str
    reason: str
    at: str


def usable(folder: Path) -> Bundle:
    """Loads a bundle and tries it out: one household and a batch are scored and explained before the first request is.

    Args:
        folder: of the bundle; its name is the version.

    Raises:
        BundleError: it is damaged, incomplete, another one than its folder says, or gives no numbers.
    """
    bundle = load(folder)
    if bundle.version != folder.name:
        raise BundleError(folder, "manifest.json", f"是另一版本 is another version, {bundle.version}", "重新启用 promote it again")
    for rows in (1, TRIED):
        X = np.full((rows, len(bundle.features)), np.nan)
        margin = bundle.margin(X)
        probability = bundle.calibration.probability(margin)
        known = [margin, probability, *bundle.calibration.bounds(margin, probability), bundle.contributions(X)]
        if not all(np.isfinite(values).all() for values in known):
            raise BundleError(folder, "", "试算结果不是数 gives no numbers when tried", "重新训练 train it again")
    _ = bundle.telling, bundle.speakers, bundle.field_names  # worked out once, and now rather than in a request
    return bundle


def described(bundle: Bundle) -> dict[str, Any]:
    """A bundle in short, for a page or a terminal."""
    card = bundle.card
    dates = card.get("dates", {})
    return {
        "name": bundle.name,
        "version": bundle.version,
        "synthetic": card.get("synthetic") is True,
        "dates": {"fit": dates.get("fit", [])} | {name: dates.get(name) for name in ("calibrate", "test", "known_until")},
        "cutoffs": {name: getattr(bundle.thresholds, name) for name in CUTOFFS},
        "features": list(bundle.features),
        "card": {name: card[name] for name in TOLD if name in card},
    }


class ActiveBundle:
    """Gives the bundle in use. A command looks at the folder whenever it asks; a service watches it.

    Args:
        folder: the bundle directory.
        clock: when a bundle was taken up or refused.
        told: writes an event into the history; may fail, it is asked again.
    """

    def __init__(self, folder: Path, clock: Clock = utc_now, told: Callable[[Event], None] = lambda _: None) -> None:
        self.folder = folder
        self.state = State()
        self._clock = clock
        self._told = told
        self._untold: deque[Event] = deque(maxlen=UNTOLD)
        self._lock = threading.Lock()
        self._seen: object = None
        self._watcher: threading.Thread | None = None
        self._stopped = threading.Event()

    def current(self) -> Bundle:
        """The bundle to score with.

        Raises:
            BundleError: there is none that can be used.
        """
        if self._watcher is None:
            self.look()
        state = self.state
        if state.bundle is not None:
            return state.bundle
        if state.refused is not None:
            raise state.refused.error.with_traceback(None)
        raise BundleError(None, ACTIVE, "没有可用的模型 no usable model", "启用一个模型 promote a model")

    def look(self) -> None:
        """Takes up what the pointer names, if that or the pointer has changed since the last look."""
        with self._lock:
            mark = self._mark()
            if mark != self._seen:
                self._take_up()
                self._seen = mark

    def _mark(self) -> object:
        """Differs whenever the pointer, or a file of the folder that it names, has changed."""
        try:
            paths = [self.folder / ACTIVE, *sorted((self.folder / read(self.folder).version).rglob("*"))]
            stats = [path.stat(follow_symlinks=False) for path in paths]
            return [(path.name, stat.st_mtime_ns, stat.st_ino, stat.st_size) for path, stat in zip(paths, stats, strict=True)]
        except (BundleError, OSError) as error:
            return str(error)

    def _take_up(self) -> None:
        now, before = stamp(self._clock()), self.state
        pointer = None
        try:
            pointer = read(self.folder)
            bundle = usable(self.folder / pointer.version)
        except Exception as error:
            # Whatever goes wrong with the new one, the one in use goes on.
            self._refuse(error, pointer, now)
            return
        changed = before.bundle is None or before.bundle.version != bundle.version
        self.state = State(bundle, now if changed else before.since, pointer)
        if changed or before.refused:
            logger.info("model %s in use", bundle.version)
            self._untold.append(Event("in_use", bundle.name, bundle.version, pointer.override or "", now))

    def _refuse(self, error: Exception, pointer: Pointer | None, now: str) -> None:
        version = pointer.version if pointer else ""
        if isinstance(error, BundleError):
            why, traceback = error, None
        else:
            why = BundleError(
                None, version, f"无法载入 cannot be loaded ({type(error).__name__})", "见日志 see the log; promote another one"
            )
            traceback = error
        refused = Refused(version, why, now)
        known = self.state.refused
        if known is not None and (known.version, known.reason) == (refused.version, refused.reason):
            refused = known
        elif pointer is not None or self.state.bundle is not None:  # that nothing was promoted yet is no refusal
            logger.error("the promoted model is refused, the previous one stays in use: %s", why, exc_info=traceback)
            self._untold.append(Event("refused", "", version, refused.reason, now))
        self.state = replace(self.state, pointer=pointer, refused=refused)

    def watch(self, seconds: float = WATCH_SECONDS) -> None:
        """Takes up what is there, and from now on what is promoted.

        Where the promoted bundle cannot be used, the one before it is: whether a worker was restarted makes no difference then.
        """
        self.look()
        if self.state.bundle is None and self.state.pointer is not None and self.state.pointer.previous is not None:
            self._fall_back(self.state.pointer.previous)
        self._stopped.clear()
        self._watcher = threading.Thread(target=self._watch, args=(seconds,), name="bundle-watcher", daemon=True)
        self._watcher.start()

    def _fall_back(self, version: str) -> None:
        try:
            bundle = usable(self.folder / version)
        except Exception as error:
            logger.error("the previous model %s cannot be used either: %s", version, error)
            return
        now = stamp(self._clock())
        self.state = replace(self.state, bundle=bundle, since=now)
        self._untold.append(
            Event("in_use", bundle.name, version, "现版本不可用，沿用上一版本 the promoted one is refused; the previous one", now)
        )

    def stop(self) -> None:
        """Ends the watching; what is in use stays so."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            self._stopped.set()
            watcher.join()

    def _watch(self, seconds: float) -> None:
        while True:
            self._tell()
            if self._stopped.wait(seconds):
                return
            self.look()

    def _tell(self) -> None:
        """Writes what happened into the history; what cannot be written now is tried again at the next look."""
        try:
            while self._untold:
                self._told(self._untold[0])
                self._untold.popleft()
        except Exception as error:
            logger.warning("the model's history cannot be written now: %s", type(error).__name__)
