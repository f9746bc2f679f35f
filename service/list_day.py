"""The day of which a list is made."""

from __future__ import annotations

import datetime as dt

from features.errors import UserError
from features.register import RegisterInfo


def day_of_list(as_of: dt.date | None, info: RegisterInfo, now: dt.datetime) -> dt.date:
    """The day on which households are seen: the one asked for, else the day until which the register is complete.

    Raises:
        UserError: neither is given, or on the day asked for nobody could know yet what was the case.
    """
    if as_of is None:
        if info.known_until is None:
            raise UserError(
                "数据未写明 known_until，请给出统计时点 the register does not say until when it is complete: give --as-of YYYY-MM-DD"
            )
        return info.known_until
    latest = now.date() if info.known_until is None else min(info.known_until, now.date())
    if as_of > latest:
        raise UserError(
            f"统计时点 {as_of} 晚于数据所及 {latest} that day is later than what the register knows: choose {latest} or an earlier day, "
            "or import the latest data first 请改用较早的日期，或先导入新数据"
        )
    return as_of
