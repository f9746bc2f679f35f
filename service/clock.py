"""The one place where the service reads the time; results never depend on it, expiries and records do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

Clock = Callable[[], dt.datetime]
CHINA = dt.timezone(dt.timedelta(hours=8))


def utc_now() -> dt.datetime:
    """The present moment, in UTC, to the second."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def stamp(moment: dt.datetime) -> str:
    """A moment as stored text; texts sort as the moments do.

    >>> stamp(dt.datetime(2026, 3, 1, 8, 30, tzinfo=CHINA))
    '2026-03-01T00:30:00Z'
    """
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def today(clock: Clock) -> dt.date:
    """The day it is in China."""
    return clock().astimezone(CHINA).date()


def read_stamp(text: str) -> dt.datetime:
    """The moment that `stamp` wrote.

    >>> read_stamp("2026-03-01T00:30:00Z").isoformat()
    '2026-03-01T00:30:00+00:00'
    """
    return dt.datetime.fromisoformat(text)


def day_of(moment: str) -> str:
    """The day, in China, of a moment that `stamp` wrote.

    >>> day_of("2026-03-01T20:30:00Z")
    '2026-03-02'
    """
    return read_stamp(moment).astimezone(CHINA).date().isoformat()
