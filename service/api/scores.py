"""POST /api/v1/scores: households sent as nested JSON are scored on the spot; nothing of them is kept."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import anyio.to_thread
import numpy as np
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from features.errors import Problem
from features.household import from_nested
from features.register import RegisterInfo
from service.api.context import ScoreCaller, Service, ServiceDep
from service.auth import Caller
from service.clock import today
from service.metrics import scored_on_request
from service.problems import ApiError, FieldError, Json
from service.scoring import Scored, gaps, missing_field, reasons, rows_of, score_register
from service.storage.score_store import ListMark
from service.trace import shows
from service.wire import ERRORS, ScoresAnswer, household_schema, item

router = APIRouter(prefix="/api/v1", tags=["scores"], responses=ERRORS)

MOST_HOUSEHOLDS = 5000
EXPLAIN_ALL_UP_TO = 50
# Few households in a small body are answered in about the time that a change of thread takes; all else leaves the event loop free.
SMALL_BODY = 64 * 1024
FEW_HOUSEHOLDS = 50
ERRORS_A_HOUSEHOLD = 20
SAFE_DIGITS = 18  # whole numbers of so many digits fit into 64 bits
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_DAY = dt.date(2010, 1, 1)
REQUEST_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["households"],
                    "additionalProperties": False,
                    "properties": {
                        "as_of": {
                            "type": "string",
                            "format": "date",
                            "description": "统计时点 the day on which the households are seen; by default that of the list in use",
                        },
                        "households": {"type": "array", "minItems": 1, "maxItems": MOST_HOUSEHOLDS, "items": household_schema()},
                    },
                }
            }
        },
    }
}


@router.post("/scores", response_model=ScoresAnswer, summary="即时评分 Score households", openapi_extra=REQUEST_SCHEMA)
async def post_scores(request: Request, service: ServiceDep, caller: ScoreCaller) -> Response:
    """Scores 1 to 5,000 households as they stand in the request, on a date."""
    body = await request.body()
    mark: ListMark | None = request.state.mark
    if len(body) <= SMALL_BODY:
        households, given = _request(body)
        if len(households) <= FEW_HOUSEHOLDS:
            return _answer(households, given, service, caller, mark)
    # Large batches wait for one another, so that there is always a processor left for the small questions.
    return await anyio.to_thread.run_sync(lambda: _answer(*_request(body), service, caller, mark), limiter=service.batches)


def _answer(households: list[Any], given: Any, service: Service, caller: Caller, mark: ListMark | None) -> Response:
    bundle = service.bundle.current()
    as_of = _as_of(given, None if mark is None else dt.date.fromisoformat(mark.as_of), today(service.clock))
    synthetic = mark.synthetic if mark is not None else bool(bundle.card.get("synthetic", False))
    register, problems = from_nested(households, as_of, RegisterInfo(synthetic=synthetic, indicators=bundle.indicators))
    errors = [error for index in sorted(problems) for error in _errors(index, problems[index])]
    for index, household in enumerate(households):
        village = household.get("village_code") if isinstance(household, Mapping) else None
        if index not in problems and not (isinstance(village, str) and village.startswith(caller.region)):
            problems[index] = []
            message = f"不在本令牌的范围 {caller.region} 之内 lies outside this token's region {caller.region}"
            errors.append(FieldError("village_code", message, index, _name(household)))
    good = np.ones(len(households), dtype=bool)
    good[list(problems)] = False
    if good.any():
        threads = 1 if len(households) <= EXPLAIN_ALL_UP_TO else service.settings.threads
        scored = score_register(register if good.all() else register.select(good), bundle, as_of, threads)
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
    shows(len(items))
    scored_on_request(len(items))
    return Json(
        {
            "items": items,
            "errors": errors,
            "as_of": as_of.isoformat(),
            "model_version": bundle.version,
            "policy_version": scored.policy.version,
        }
    )


def _items(scored: Scored, threads: int) -> list[dict[str, Any]]:
    n = len(scored.frame)
    explained = np.arange(n) if n <= EXPLAIN_ALL_UP_TO else scored.flagged
    told = reasons(scored, explained, threads)
    place = {row: at for at, row in enumerate(explained.tolist())}
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
                causes=None if at is None else told["causes"][at],
                verify=None if at is None else told["verify"][at],
                not_evaluable=gaps(scored, row),
                missing_field=missing_field(scored, row),
            )
        )
    return out


def _request(body: bytes) -> tuple[list[Any], Any]:
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
