"""Households sent with a request are scored on the spot: what they are is in the request, and nothing of them is kept.

The answer depends on the request and on a few plain facts (`Asked`), so it is the same whether the process that talks to the callers
works it out or one beside it does. A large request would hold the first up for seconds: the interpreter runs one thread at a time, and
taking in megabytes of JSON is one step that cannot be broken off.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from features.errors import Problem
from features.household import from_nested
from features.register import RegisterInfo
from models.bundle import Bundle
from models.errors import BundleError
from service.bundles import usable
from service.problems import ApiError, FieldError
from service.scoring import Scored, gaps, missing_field, reasons, rows_of, score_register, triggers
from service.wire import item

MOST_HOUSEHOLDS = 5000
EXPLAIN_ALL_UP_TO = 50
ERRORS_A_HOUSEHOLD = 20
SAFE_DIGITS = 18  # whole numbers of so many digits fit into 64 bits
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_DAY = dt.date(2010, 1, 1)
LESS_URGENT = 10  # on the scale of `nice`: who waits for a page comes before who sent thousands of households


@dataclass(frozen=True, slots=True)
class Asked:
    """What the answer depends on beside the households and the model.

    Attributes:
        region: the households must lie in it.
        today: no later date can be asked for.
        as_of: the day on which households are seen where the request gives none; None where there is no list yet.
        synthetic: whether the data in use is made up; None where there is none, then the model says.
        threads: for a large request.
        counties: folder of the county's own policy files.
    """

    region: str
    today: dt.date
    as_of: dt.date | None
    synthetic: bool | None
    threads: int
    counties: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON of an answer, and how many households it scores."""

    content: bytes
    households: int


def answer_apart(body: bytes, asked: Asked, folder: Path) -> Answer | ApiError | None:
    """Answers a request in a process that has nothing else to do.

    Args:
        body: of the request.
        asked: what else the answer depends on.
        folder: of the bundle in use.

    Returns:
        the answer, or the error to give; None where the folder does not hold a usable bundle any more.
    """
    os.nice(LESS_URGENT - os.nice(0))
    for told_to_stop in (signal.SIGINT, signal.SIGTERM):  # meant for the service, which lets a request in hand finish and then ends this
        signal.signal(told_to_stop, signal.SIG_IGN)
    try:
        return answer(*households_of(body), asked, _loaded(folder))
    except BundleError:
        return None
    except ApiError as error:
        return error


# A bundle's folder is named after its content.
_loaded = lru_cache(maxsize=1)(usable)


def answer(households: list[Any], given: Any, asked: Asked, bundle: Bundle) -> Answer:
    """Scores households as they stand in a request; says of those that cannot be scored why.

    Args:
        households: as the request lists them.
        given: its as_of, where it has one.
        asked: what else the answer depends on.
        bundle: the model.

    Raises:
        ApiError: 422, none of them can be scored, or the date cannot be used.
    """
    as_of = _as_of(given, asked.as_of, asked.today)
    synthetic = asked.synthetic if asked.synthetic is not None else bundle.card.get("synthetic") is True
    register, problems = from_nested(households, as_of, RegisterInfo(synthetic=synthetic, indicators=bundle.indicators))
    errors = [error for index in sorted(problems) for error in _errors(index, problems[index])]
    for index, household in enumerate(households):
        village = household.get("village_code") if isinstance(household, Mapping) else None
        if index not in problems and not (isinstance(village, str) and village.startswith(asked.region)):
            problems[index] = []
            message = f"不在本令牌的范围 {asked.region} 之内 lies outside this token's region {asked.region}"
            errors.append(FieldError("village_code", message, index, _name(household)))
    good = np.ones(len(households), dtype=bool)
    good[list(problems)] = False
    if good.any():
        threads = 1 if len(households) <= EXPLAIN_ALL_UP_TO else asked.threads
        scored = score_register(register if good.all() else register.select(good), bundle, as_of, threads, counties=asked.counties)
        place = np.flatnonzero(good)[scored.frame.position]
        for index in np.setdiff1d(np.flatnonzero(good), place).tolist():
            message = f"该户在 {as_of} 尚未生效 the household is not yet valid on {as_of}"
            errors.append(FieldError("valid_from", message, index, _name(households[index])))
        items = _items(scored, threads)
    else:
        items = []
    errors.sort(key=lambda error: -1 if error.index is None else error.index)
    if not items:
        raise ApiError(422, "没有一户可以评分 none of the households can be scored", errors)
    told = {
        "items": items,
        "errors": errors,
        "as_of": as_of.isoformat(),
        "model_version": bundle.version,
        "policy_version": scored.policy.version,
    }
    return Answer(orjson.dumps(told), len(items))


def _items(scored: Scored, threads: int) -> list[dict[str, Any]]:
    n = len(scored.frame)
    explained = np.arange(n) if n <= EXPLAIN_ALL_UP_TO else scored.flagged
    told = reasons(scored, explained, threads)
    place = {row: at for at, row in enumerate(explained.tolist())}
    called = triggers(scored)
    as_of = scored.frame.as_of.isoformat()
    out = []
    for row, cells in enumerate(rows_of(scored)):
        at = place.get(row)
        out.append(
            item(
                cells,
                as_of,
                scored.bundle.version,
                facts=True,
                triggers=called.get(row),
                causes=None if at is None else told["causes"][at],
                verify=None if at is None else told["verify"][at],
                not_evaluable=gaps(scored, row),
                missing_field=missing_field(scored, row),
            )
        )
    return out


def households_of(body: bytes) -> tuple[list[Any], Any]:
    """The households of a request and the as_of it gives.

    Raises:
        ApiError: 422, the body is no JSON object with a list of households.
    """
    content = _parse(body)
    if not isinstance(content, dict):
        raise _unusable([FieldError("body", "应为 JSON 对象 a JSON object {as_of, households} is expected")])
    households = content.get("households")
    errors = [FieldError(str(name), "没有此字段 there is no such field") for name in content.keys() - {"as_of", "households"}]
    if not isinstance(households, list):
        errors.append(FieldError("households", "应为农户列表 a list of households is expected"))
    elif not 1 <= len(households) <= MOST_HOUSEHOLDS:
        errors.append(
            FieldError("households", f"每次 1–{MOST_HOUSEHOLDS} 户 1 to {MOST_HOUSEHOLDS} households a request, not {len(households)}")
        )
    if errors or not isinstance(households, list):
        raise _unusable(errors)
    return households, content.get("as_of")


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        content = _with_non_finite(body)
        if content is None:
            raise _unusable([FieldError("body", f"不是合法的 JSON is not valid JSON: {error}")]) from None
        return content


def _with_non_finite(body: bytes) -> Any:
    """The content of a body whose only fault is NaN or Infinity; None where it has another.

    The numbers are let through here so that the check of the household can name the field that holds one.
    """
    found = False

    def constant(word: str) -> float:
        nonlocal found
        found = True
        return float(word)

    def number(text: str) -> float:
        nonlocal found
        value = float(text)
        found = found or math.isinf(value)
        return value

    def whole(text: str) -> float:
        return int(text) if len(text) <= SAFE_DIGITS else number(text)

    try:
        content = json.loads(body, parse_constant=constant, parse_float=number, parse_int=whole)
        orjson.dumps(content)  # text that cannot be written again, such as half a surrogate pair, is refused with the rest
    except (ValueError, TypeError, RecursionError):
        return None
    return content if found else None


def _as_of(given: Any, of_list: dt.date | None, latest: dt.date) -> dt.date:
    """The day on which the households are seen.

    Raises:
        ApiError: 422, it is no date, lies in the future, or is lacking where no list gives one.
    """
    if given is None:
        if of_list is None:
            raise _unusable([FieldError("as_of", "请给出统计时点 give the date, YYYY-MM-DD: there is no list yet that has one")])
        return of_list
    try:
        if not isinstance(given, str) or not DAY.fullmatch(given):
            raise ValueError
        as_of = dt.date.fromisoformat(given)
    except ValueError:
        raise _unusable([FieldError("as_of", "不是日期 is not a date; write YYYY-MM-DD")]) from None
    if not FIRST_DAY <= as_of <= latest:
        raise _unusable([FieldError("as_of", f"应在 {FIRST_DAY} 与今天之间 must lie between {FIRST_DAY} and today, {latest}")])
    return as_of


def _unusable(errors: list[FieldError]) -> ApiError:
    return ApiError(422, "请求内容无法使用 the request cannot be used", errors)


def _errors(index: int, problems: list[Problem]) -> list[FieldError]:
    told = [
        FieldError(_path(problem), problem.reason + (f" → {problem.remedy}" if problem.remedy else ""), index, problem.household_id)
        for problem in problems[:ERRORS_A_HOUSEHOLD]
    ]
    if len(problems) > ERRORS_A_HOUSEHOLD:
        more = len(problems) - ERRORS_A_HOUSEHOLD
        told.append(FieldError("", f"另有 {more} 处 and {more} more in this household", index, problems[0].household_id))
    return told


def _path(problem: Problem) -> str:
    """Where a problem is, as the request writes it: `incomes[2].amount`; the register's registry_status is the request's status."""
    column = "status" if problem.column == "registry_status" else problem.column
    if problem.table == "households":
        return column or ""
    return problem.table + (f"[{problem.row - 1}]" if problem.row else "") + (f".{column}" if column else "")


def _name(household: Any) -> str | None:
    name = household.get("household_id") if isinstance(household, Mapping) else None
    return name if isinstance(name, str) else None
