"""What is noted of the request in hand while it is answered: its number and how many households it shows."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from service.redaction import redact

UNKNOWN = "(none)"  # the route of a request that has none; its address could hold anything
PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True)
class Trace:
    """The request in hand.

    Attributes:
        request_id: stands in the answer, in the log and in the access log, so that one leads to the others.
        households: how many households the answer shows so far.
    """

    request_id: str = ""
    households: int = 0


# Threads that work for a request see the same object: what they count is counted.
current: ContextVar[Trace] = ContextVar("trace")


def begin(offered: str) -> Trace:
    """Starts the notes of a request; an id that the caller offers is kept if it is a plain one.

    >>> begin("desk-7.42").request_id
    'desk-7.42'
    >>> len(begin("two words").request_id)
    22
    >>> len(begin("13800138000").request_id)
    22
    """
    # Not hexadecimal, and no number: it would be somebody's, or pass for it and be taken out of the log.
    plain = PLAIN_ID.fullmatch(offered) and not offered.isdigit() and not redact(offered)[1]
    trace = Trace(offered if plain else secrets.token_urlsafe(16))
    current.set(trace)
    return trace


def request_id() -> str:
    """The id of the request in hand; empty outside of one."""
    trace = current.get(None)
    return "" if trace is None else trace.request_id


def shows(households: int) -> None:
    """Says that the answer in hand shows so many (more) households; every route that shows some says so, for the access log."""
    trace = current.get(None)
    if trace is not None:
        trace.households += households


def route_of(scope: Mapping[str, Any]) -> str:
    """The template of the route that a request reached."""
    return str(getattr(scope.get("route"), "path", UNKNOWN))
