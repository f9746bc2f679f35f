"""Bringing data in through a browser: check first, then import; how far it is, and what was wrong with the file."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from service.api.context import ImportCaller, ServiceDep
from service.api.imports import FindingsQuery, ImportQuery, ImportsQuery, all_imports, bring_in, one_import
from service.web.pages import address, asked, render, told

router = APIRouter(include_in_schema=False)

SEE_OTHER = 303
AGAIN_SECONDS = 2
UNDER_WAY = ("waiting", "running")


@router.get("/imports")
async def imports_page(request: Request, service: ServiceDep, caller: ImportCaller) -> Response:
    """The form, and the latest uploads."""
    page = told(await all_imports(asked(request, ImportsQuery), service, caller))
    cursor = page["next_cursor"]
    return render(request, "imports.html", jobs=page["items"], next_page=address(request, cursor=cursor) if cursor else None)


@router.post("/imports")
async def upload(request: Request, service: ServiceDep, caller: ImportCaller) -> Response:
    """Takes a file in and goes on to where its progress is shown."""
    job = told(await bring_in(asked(request, ImportQuery), request, service, caller))
    return RedirectResponse(f"/imports/{job['id']}", SEE_OTHER)


@router.get("/imports/{job_id}")
async def import_page(job_id: int, request: Request, service: ServiceDep, caller: ImportCaller) -> Response:
    """How far one upload is, what it changes, and what was wrong in it."""
    job = told(await one_import(job_id, asked(request, FindingsQuery, format="json"), service, caller))
    cursor = job["next_cursor"]
    return render(
        request,
        "import.html",
        job=job,
        again=AGAIN_SECONDS if job["state"] in UNDER_WAY else None,
        next_page=address(request, cursor=cursor) if cursor else None,
    )
