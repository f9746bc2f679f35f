"""Which dates and households fit, calibrate and judge a model: forward in time, by household, and with a town left out.

Worked example, test at T = 2023-12-31, income reported some weeks after each quarter. The outcome of 2022-12-31 ends on 2023-12-31, but its
last quarter is not known on that day, so the latest calibration date whose outcome is wholly known by T is 2022-09-30. Fitting ends twelve
months before that, on 2021-09-30: no outcome that fits reaches into the calibration, none that calibrates reaches into the test, and
nothing known after T is used.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from features.errors import UserError
from features.register import BoolArray
from training.labels import SPAN_MONTHS, shift

HELD_OUT_SHARE = 5  # one household in five is kept out of fitting and calibration
COMPLETE = 0.8  # an origin counts as wholly known when so many of its households at risk have an outcome


class TooLittleError(UserError):
    """The register does not reach far enough, or holds too few events, to fit and judge a model."""


@dataclass(frozen=True, slots=True)
class Split:
    """Dates of one model: fitted on, calibrated on, judged on.

    Attributes:
        fit: as_of dates, ascending; the last at least 12 months before the calibration date.
        calibrate: as_of date, at least 12 months before the test date, its outcome known by then.
        test: as_of date of the judgement, and the day by which every label that was learnt from was known.
    """

    fit: tuple[dt.date, ...]
    calibrate: dt.date
    test: dt.date

    def __post_init__(self) -> None:
        if not self.fit or shift(self.fit[-1], SPAN_MONTHS) > self.calibrate or shift(self.calibrate, SPAN_MONTHS) > self.test:
            raise TooLittleError(f"结果期重叠 outcomes would overlap: fit to {self.fit[-1:]}, calibrate {self.calibrate}, test {self.test}")


def split(first: dt.date, test: dt.date, *, step_months: int = 3, complete: Callable[[dt.date], float] = lambda _: 1.0) -> Split:
    """The dates of a model that is judged at `test`.

    Args:
        first: earliest as_of date with a year of history behind it, a quarter's end.
        test: as_of of the judgement, a quarter's end.
        step_months: distance of the fitting dates.
        complete: share of the households at risk on a date whose outcome is known by `test`; asked of few dates, latest first.

    Raises:
        TooLittleError: no calibration date is complete, or no fitting date is left.
    """
    calibrate = shift(test, -SPAN_MONTHS)
    while calibrate > first and complete(calibrate) < COMPLETE:
        calibrate = shift(calibrate, -3)
    last = shift(calibrate, -SPAN_MONTHS)
    fit = []
    while last >= first:
        fit.append(last)
        last = shift(last, -step_months)
    if not fit:
        raise TooLittleError(
            f"时间跨度不足 between {first} and {test} there is no room to fit, calibrate and test; "
            "测试时点前至少需要37个月历史 at least 37 months of history before the test are needed"
        )
    return Split(tuple(reversed(fit)), calibrate, test)


def held_out(household_ids: Iterable[str], seed: int = 0) -> BoolArray:
    """Which households are kept out of fitting and calibration: one in five, by their id, the same in every run of a seed."""
    return np.array([zlib.crc32(f"{seed}:{name}".encode()) % HELD_OUT_SHARE == 0 for name in household_ids], dtype=bool)
