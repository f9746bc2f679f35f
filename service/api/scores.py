"""POST /api/v1/scores: households sent as nested JSON are scored on the spot; nothing of them is kept."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

from anyio import BrokenWorkerProcess, to_process, to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.context import ScoreCaller, Service, ServiceDep
from service.clock import today
from service.instant import MOST_HOUSEHOLDS, Answer, Asked, answer, answer_apart, households_of
from service.metrics import scored_on_request
from service.problems import ApiError
from service.storage.score_store import ListMark
from service.trace import shows
from service.wire import ERRORS, ScoresAnswer, household_schema

router = APIRouter(prefix="/api/v1", tags=["scores"], responses=ERRORS)

# Few households in a small body are answered in about the time that a change of thread takes; all else is worked off elsewhere.
SMALL_BODY = 64 * 1024
FEW_HOUSEHOLDS = 50
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
    asked = Asked(
        region=caller.region,
        today=today(service.clock),
        as_of=None if mark is None else dt.date.fromisoformat(mark.as_of),
        synthetic=None if mark is None else mark.synthetic,
        threads=service.settings.threads,
        counties=service.settings.policy_dir,
    )
    answered = _at_once(body, asked, service) or await _apart(body, asked, service)
    shows(answered.households)
    scored_on_request(answered.households)
    return Response(answered.content, media_type="application/json")


def _at_once(body: bytes, asked: Asked, service: Service) -> Answer | None:
    if len(body) <= SMALL_BODY:
        households, given = households_of(body)
        if len(households) <= FEW_HOUSEHOLDS:
            return answer(households, given, asked, service.bundle.current())
    return None


async def _apart(body: bytes, asked: Asked, service: Service) -> Answer:
    """The answer to a large request, worked out in a process beside this one, so that nobody else waits for it.

    Large requests wait for one another, so that there is always a processor left for the small ones.
    """
    async with service.batches:
        bundle = service.bundle.current()
        try:
            found = await to_process.run_sync(answer_apart, body, asked, service.bundle.folder / bundle.version, cancellable=True)
        except (BrokenWorkerProcess, ProcessLookupError):  # the latter where it was lost while it started
            raise ApiError(
                503, "评分进程中断，请分批再试 scoring was broken off, by lack of memory perhaps; send fewer households"
            ) from None
        if found is None:  # the bundle in use stays in use, whatever became of its folder
            found = await to_thread.run_sync(partial(answer, *households_of(body), asked, bundle))
    if isinstance(found, ApiError):
        raise found
    return found
