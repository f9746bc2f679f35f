"""The days on which a back-test stands and looks forward: half a year apart, each with its own fitting and calibration dates behind it."""

from __future__ import annotations

import datetime as dt
from functools import partial

from training.county import first_date, last_date
from training.dataset import History
from training.labels import shift
from training.splits import Split, TooLittleError, split

EVERY_MONTHS = 6
MOST = 8


def origins(
    history: History, *, every: int = EVERY_MONTHS, most: int = MOST, step_months: int = 6, test: dt.date | None = None
) -> tuple[Split, ...]:
    """The latest origins of a register, ascending; each learns only from what was known on its own day.

    Args:
        history: the facts and the outcome.
        every: months between origins.
        most: at most so many.
        step_months: distance of the fitting dates of each.
        test: the last origin; None for the latest whose outcome is known.

    Raises:
        TooLittleError: the register has no room for a single one.
    """
    first, day = first_date(history), test or last_date(history)
    found: list[Split] = []
    while len(found) < most:
        try:
            found.append(split(first, day, step_months=step_months, complete=partial(history.completeness, known_by=day)))
        except TooLittleError:
            if not found:
                raise
            break
        day = shift(day, -every)
    return tuple(reversed(found))
