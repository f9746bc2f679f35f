"""Puts the pages into the service."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from service.web import changes_page, household_page, imports_page, ledgers_page, list_page, model_page, overview_page, sign_in
from service.web.error_page import ErrorPages
from service.web.pages import STATIC


def install(app: FastAPI) -> None:
    """Adds the pages, their style and script, and errors that a browser's user can read."""
    for page in (list_page, household_page, changes_page, overview_page, ledgers_page, imports_page, model_page, sign_in):
        app.include_router(page.router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(ErrorPages)
