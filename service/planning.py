"""Planning offline: shocks, falling back and lawful help, asked of the stored register and written into a file; nothing is stored."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.build import look
from features.errors import UserError
from features.policy.judgement import Judgement
from features.policy.registry import Policy
from features.policy.shipped import load
from features.register import Register
from models import clearance, remedy, replay
from models.bundle import Bundle
from models.scenario import Shock, inside
from service.list_day import day_of_list
from service.new_list import check_model
from service.regions import REGION
from service.storage.database import Database
from service.storage.register_store import load_register

Progress = Callable[[str], None]
Report = dict[str, Any]
FORMATS = (".json", ".csv")


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan is made on.

    Attributes:
        register: the stored one, households of the region alone.
        as_of: the day on which it is seen.
        policy: lines and rules.
    """

    register: Register
    as_of: dt.date
    policy: Policy


def planned(
    database: Database, region: str, as_of: dt.date | None, *, today: dt.date, counties: Path | None = None, progress: Progress
) -> Planned:
    """Reads the stored register, and keeps a region's households.

    Args:
        database: holds the register.
        region: area code of 6, 9 or 12 digits; "" is everywhere.
        as_of: the day; None takes the day until which the register claims to know everything.
        today: no later day can be asked for.
        counties: folder of the county's own policy files.
        progress: called with each step.

    Raises:
        UserError: there is no register, no such day or region, or no household there.
    """
    if region and not REGION.fullmatch(region):
        raise UserError(f"{region!r} 不是区划代码 is no area code: county 6, township 9, village 12 digits 县6位、乡镇9位、村12位")
    with database.reading() as connection:
        register = load_register(connection, lambda name: progress(f"register: {name}"))
    on = day_of_list(as_of, register.info, today)
    policy = load(synthetic=register.info.synthetic, counties=counties)
    here = inside(look(register, on, policy), region)
    if not here.any():
        raise UserError(
            f"{on} 时 {region or '登记册'} 没有已知的农户 no household was known there on that day: choose another region or a later date"
        )
    return Planned(register if here.all() else register.select(here), on, policy)


def shocked(plan: Planned, bundle: Bundle, shock: Shock, region: str, *, threads: int, progress: Progress) -> Report:
    """The report of a shock.

    Raises:
        UserError: the model is not for these households, or no shock is like that.
    """
    check_model(bundle, plan.register.info)
    try:
        done = replay.replay(plan.register, plan.as_of, plan.policy, bundle, shock=shock, where=region, threads=threads, progress=progress)
    except ValueError as error:
        raise UserError(str(error)) from error
    return replay.report(done, plan.register, bundle)


def fallen_back(plan: Planned, bundle: Bundle, region: str, *, threads: int, progress: Progress) -> Report:
    """The report of falling back after the monitoring was ended.

    Raises:
        UserError: the model is not for these households.
    """
    check_model(bundle, plan.register.info)
    progress("评分 scores")
    now = replay.state(look(plan.register, plan.as_of, plan.policy), bundle, threads)
    progress("历年 years since")
    return clearance.report(plan.register, plan.as_of, plan.policy, now, where=region)


def helped(plan: Planned, line: str, region: str) -> Report:
    """The report of the smallest lawful help; no model is asked."""
    judged = Judgement(look(plan.register, plan.as_of, plan.policy), plan.policy)
    return remedy.report(judged, line, region)


def check_format(out: Path) -> None:
    """Refuses a file that is neither JSON nor CSV.

    Raises:
        UserError: it is something else.
    """
    if out.suffix not in FORMATS:
        raise UserError(f"{out.name}: 输出须为 it must be a file {' or '.join(FORMATS)}")


def write_report(report: Report, out: Path) -> None:
    """Writes all of a report as JSON, or its households as CSV that Excel reads.

    Raises:
        UserError: the file is to be something else.
    """
    check_format(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".json":
        out.write_text(json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return
    rows = [{name: _cell(value) for name, value in row.items()} for row in report["list"]]
    with out.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["household_id"])
        writer.writeheader()
        writer.writerows(rows)


def _cell(value: object) -> object:
    """A cell of a table; kinds of help as a line of words."""
    if isinstance(value, list):
        return "; ".join(f"{one['zh']} {_yuan(one)}" for one in value)
    return "" if value is None else value


def _yuan(one: dict[str, Any]) -> str:
    low, high = one["yuan_low"], one["yuan_high"]
    return "金额未知 amount not known" if high is None else f"{low:g}" if low == high else f"{low:g}–{high:g}"
