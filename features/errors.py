"""Errors that a user can mend, with what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PROBLEMS_KEPT = 10_000  # a file wholly in the wrong encoding must not fill the memory with complaints


class UserError(Exception):
    """Something the user can mend; shown without a traceback.

    Attributes:
        exit_code: what a command ends with.
    """

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one cell or row, and how to mend it.

    Attributes:
        table: register table (or Excel sheet) name.
        row: the line of a CSV file (its header is line 1), the row of a sheet, the row of Parquet or of a list from 1; None where the
            whole table is meant.
        column: column name, or None where the whole row is meant.
        reason: what is wrong, in Chinese and English.
        remedy: what to do, in Chinese and English.
        household_id: the household as the caller names it, where known.
    """

    table: str
    row: int | None
    column: str | None
    reason: str
    remedy: str = ""
    household_id: str | None = None

    def __str__(self) -> str:
        where = self.table + (f" row {self.row}" if self.row is not None else "") + (f", {self.column}" if self.column else "")
        return f"{where}: {self.reason}" + (f" → {self.remedy}" if self.remedy else "")


class RegisterError(UserError):
    """The register cannot be used as it is; carries every problem that was found, not just the first."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        shown = "\n".join(f"  {problem}" for problem in problems[:20])
        more = f"\n  … and {len(problems) - 20} more" if len(problems) > 20 else ""
        super().__init__(message + ("\n" + shown if shown else "") + more)
        self.problems = list(problems)


class PolicyError(UserError):
    """The policy files contradict themselves or lack what they must state."""


def not_among(zh: str, en: str, names: Iterable[str]) -> str:
    """That something is not among what there is, and what there is.

    >>> not_among("没有此奖补", "there is no such reward", ["a", "b"])
    '没有此奖补，可选：a、b there is no such reward; there are: a, b'
    """
    there = list(names)
    return f"{zh}，可选：{'、'.join(there) or '无'} {en}; there are: {', '.join(there) or 'none'}"
