"""Tables and numbers as cards and reports write them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """A number, or a dash where there is none.

    >>> number(0.12345), number(None), number(0.5, 1, sign=True)
    ('0.123', '—', '+0.5')
    """
    if value is None or math.isnan(value):
        return "—"
    return f"{value:{'+' if sign else ''}.{digits}f}"


def figure(row: Mapping[str, Any], digits: int = 3, *, sign: bool = False) -> str:
    """A value with its interval.

    >>> figure({"value": 0.5, "low": 0.4, "high": 0.6}, 1)
    '0.5 [0.4, 0.6]'
    """
    told = number(row["value"], digits, sign=sign)
    if row.get("low") is None:
        return told
    return f"{told} [{number(row['low'], digits, sign=sign)}, {number(row['high'], digits, sign=sign)}]"


def percent(row: Mapping[str, Any]) -> str:
    """A share with its interval, in per cent.

    >>> percent({"value": 0.123, "low": 0.1, "high": 0.15})
    '12.3% [10.0, 15.0]'
    """
    if row["value"] is None:
        return "—"
    return f"{row['value']:.1%}" + ("" if row.get("low") is None else f" [{100 * row['low']:.1f}, {100 * row['high']:.1f}]")


def points(row: Mapping[str, Any]) -> str:
    """A difference of two shares with its interval, in percentage points.

    >>> points({"value": 0.018, "low": -0.001, "high": 0.03})
    '+1.8 [-0.1, +3.0]'
    """
    if row["value"] is None:
        return "—"
    return f"{100 * row['value']:+.1f}" + ("" if row.get("low") is None else f" [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]")
