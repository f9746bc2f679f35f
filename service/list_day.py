"""The day of which a list is made."""

from __future__ import annotations

import datetime as dt

from features.errors import UserError
from features.register import RegisterInfo


def day_of_list(as_of: dt.date | None, info: RegisterInfo, today: dt.date) -> dt.date:
    """The day on which households are seen: the one asked for, else the day until which the register is complete.

    Raises:
        UserError: neither is given, or on the day asked for nobody could know yet what was the case.
    """
    if as_of is None:
        if info.known_until is None:
            raise UserError(
                "数据未写明 known_until，请给出统计时点 the register does not say until when it is complete: give --as-of YYYY-MM-DD"
            )
        check_known_until(info, today)
        return info.known_until
    latest = today if info.known_until is None else min(info.known_until, today)
    if as_of > latest:
        raise UserError(
            f"统计时点 {as_of} 晚于数据所及 {latest} that day is later than what the register knows: choose {latest} or an earlier day, "
            "or import the latest data first 请改用较早的日期，或先导入新数据"
        )
    return as_of


def check_known_until(info: RegisterInfo, today: dt.date) -> None:
    """Refuses a register that claims to know the future: seen from that day nothing in it would be recent enough to judge anybody by.

    Raises:
        UserError: with the day.
    """
    if info.known_until is not None and info.known_until > today:
        raise UserError(
            f"数据截止日期 {info.known_until} 晚于今天 {today} known_until lies after today: "
            "correct it in register.yaml (数据截止日期 in a workbook), then import again 请更正后重新导入"
        )
