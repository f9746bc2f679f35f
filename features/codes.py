"""Codes of category columns as features ask for them: written as words, looked up once, held as what numpy compares fastest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.tables import TABLES


class Groups(NamedTuple):
    """Groups of codes of one category column, which rows are asked about together (`TableView.which`).

    Attributes:
        column: the column's name.
        members: (groups, codes + 1) whether each code is of each group; the last one is a blank cell.
    """

    column: str
    members: npt.NDArray[np.bool_]


def groups(table: str, column: str, *asked: str | tuple[str | None, ...] | None) -> Groups:
    """Groups of category codes, each one code or several; None is a blank cell.

    >>> groups("debts", "lender", "private", ("bank", None)).members.tolist()
    [[False, False, True, False], [False, True, False, True]]
    """
    declared = (*TABLES[table].column(column).codes, None)
    several = [codes if isinstance(codes, tuple) else (codes,) for codes in asked]
    if unknown := {code for codes in several for code in codes} - set(declared):
        raise KeyError(f"{table}.{column} has no code {sorted(map(str, unknown))}")
    return Groups(column, np.array([[code in codes for code in declared] for codes in several]))


def code(table: str, column: str, name: str) -> npt.NDArray[np.int8]:
    """The number by which a category column holds a code; they count up in the declared order, a blank is -1.

    >>> int(code("debts", "lender", "bank"))
    1
    """
    return np.array(TABLES[table].column(column).codes.index(name), dtype=np.int8)
