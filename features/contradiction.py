"""Rows that tell the state of one thing from the same day, as known on the same day: they say the same, or they contradict each other."""

from __future__ import annotations

from collections.abc import Mapping

from features.register import Array


def difference(columns: Mapping[str, Array], one: int, other: int) -> str | None:
    """The first column in which two rows of a table differ; None where they say the same."""
    for name, values in columns.items():
        if values[one] != values[other] and not (values[one] != values[one] and values[other] != values[other]):  # NaN is not itself
            return name
    return None
