"""Signing in and out with a browser."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from service.api.context import CountsCaller, ServiceDep
from service.problems import ApiError
from service.web.formats import one_language
from service.web.pages import first_place, language_of, render

router = APIRouter(include_in_schema=False)

START = "/start"
SEE_OTHER = 303
LONGEST = 200


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """Asks for a token."""
    return render(request, "sign_in.html", next=own_address(request.query_params.get("next", "")), refused=None)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    service: ServiceDep,
    token: Annotated[str, Form(max_length=LONGEST)] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    """Exchanges a token for a session, or says why not."""
    try:
        cookie = await service.sessions.sign_in(token, request.client.host if request.client else "")
    except ApiError as error:
        refused = one_language(error.detail, language_of(request))
        return render(request, "sign_in.html", error.status, error.headers, next=own_address(next), refused=refused)
    return RedirectResponse(own_address(next), SEE_OTHER, {"Set-Cookie": cookie})


@router.post("/sign-out")
async def sign_out(service: ServiceDep, caller: CountsCaller) -> Response:
    """Ends the session."""
    return RedirectResponse("/sign-in", SEE_OTHER, {"Set-Cookie": await service.sessions.sign_out(caller)})


@router.get(START)
async def start(caller: CountsCaller) -> Response:
    """Where a role begins: the list for those who may see it, the counts for the others."""
    return RedirectResponse(first_place(caller), SEE_OTHER)


def own_address(asked: str) -> str:
    r"""An address of this service to go on to; whatever else is asked for becomes the start.

    >>> own_address("/households/1?a=b"), own_address("//elsewhere"), own_address("https://elsewhere"), own_address("/\\\\elsewhere")
    ('/households/1?a=b', '/start', '/start', '/start')
    """
    fine = asked.startswith("/") and not asked.startswith("//") and "\\" not in asked and asked.isprintable()
    return asked if fine else START
