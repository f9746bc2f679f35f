"""Which households files may speak of, where a part of the register is stored already."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Which households the rows of files may speak of; by default those that the files list themselves.

    Attributes:
        region: area code; a household row of a village outside it is left out, and with it what speaks of that household only.
        stored: (pseudonymous) ids of households of the region that are stored: rows may speak of them too.
        county: the county that the files name as their own; a household row of another one is left out too.
        elsewhere: ids of households that are stored outside the region: rows that speak of them are left out.
    """

    region: str = ""
    stored: Collection[str] = ()
    elsewhere: Collection[str] = ()
    county: str = ""


ANYWHERE = Scope()
