"""Rows that tell one thing's state from the same day, as known on the same day: they say the same, or contradict each other."""

from __future__ import annotations

from collections.abc import Mapping

from features.register import Array


def difference(columns: Mapping[str, Array], one: int, other: int) -> str | None:
    """The first column in which two rows of a table differ; None where they say the same."""
    for name, values in columns.items():
        if values[one] != values[other] and not (values[one] != values[one] and values[other] != values[other]):  # NaN is not itself
            return name
    return None


def complaint(columns: Mapping[str, Array], one: int, other: int, row: int | None) -> tuple[str, str, str]:
    """What is to be said of a row that repeats an earlier one: column, reason, remedy.

    Args:
        columns: the table's, encoded.
        one: place of the earlier row.
        other: place of the later one.
        row: where the earlier one stands, as its file counts.
    """
    differing = difference(columns, one, other)
    if differing is None:
        return "known_on", f"与第 {row} 行完全相同，按一行计 the same as row {row}: they count as one", "请只保留一行 keep one of them"
    reason = f"与第 {row} 行为同一事项同日，内容不同，以最后一行为准 contradicts row {row} on the same thing and day"
    return differing, f"{reason}; the last one counts", "请合并或只保留一行 add them up or keep one"
