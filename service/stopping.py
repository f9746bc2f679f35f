"""How the service stops: it says first that it is no longer ready, so that nobody sends more, and finishes what it has."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def draining(stopping: threading.Event, seconds: float) -> Iterator[None]:
    """Lets the service say that it is stopping before it does: told to stop, it goes on for so many seconds, and is not ready any more."""
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    loop = asyncio.get_running_loop()

    def told(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():  # told twice: at once
            before(number, frame)
        stopping.set()
        loop.call_soon_threadsafe(loop.call_later, seconds, before, number, frame)

    signal.signal(signal.SIGTERM, told)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
