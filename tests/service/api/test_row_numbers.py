"""A number that no column holds is refused by field, on every database, wherever the service takes numbers of rows."""

from __future__ import annotations

import pytest

from service.api.cursors import write_cursor
from tests.service import made_up
from tests.service.sites import Site

BEYOND = 2**31
PAGES = ("/api/v1/visits", "/api/v1/model/history", "/api/v1/clues", "/api/v1/imports")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("cursor", [str(BEYOND), "9" * 18])
def test_a_page_after_a_row_that_cannot_be(site: Site, path: str, cursor: str) -> None:
    answer = site.client.get(path, params={"cursor": cursor}, headers=site.headers())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_after_a_row_that_never_was_is_answered(site: Site, path: str) -> None:
    assert site.client.get(path, params={"cursor": "9" * 9}, headers=site.headers()).status_code == 200


@pytest.mark.parametrize(("version", "place"), [(BEYOND, 1), (1, BEYOND)])
def test_a_page_of_a_list_that_cannot_be(site: Site, version: int, place: int) -> None:
    cursor = write_cursor(version, made_up.COUNTY, "risk", (place,))
    answer = site.client.get("/api/v1/risk-list", params={"cursor": cursor}, headers=site.headers())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "cursor"
