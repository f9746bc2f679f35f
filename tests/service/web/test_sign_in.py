"""Signing in with a browser: a token opens the pages, a wrong one does not, and signing out closes them for good."""

from __future__ import annotations

import re
from typing import Any

import pytest

from service.auth import Role
from tests.service import made_up
from tests.service.sites import Site

HTML = {"Accept": "text/html", "Origin": "http://testserver"}


def sign_in(site: Site, token: str, to: str = "") -> Any:
    site.client.cookies.clear()
    return site.client.post("/sign-in", data={"next": to, "token": token}, headers=HTML, follow_redirects=False)


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_nobody_is_sent_to_sign_in_and_back_to_where_they_wanted(own_site: Site) -> None:
    asked = own_site.client.get("/?tier=red", headers=HTML, follow_redirects=False)
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=%2F%3Ftier%3Dred")
    page = own_site.client.get(asked.headers["location"], headers=HTML)
    assert 'name="next" value="/?tier=red"' in page.text
    done = sign_in(own_site, own_site.token(Role.COUNTY, made_up.COUNTY), "/?tier=red")
    assert (done.status_code, done.headers["location"]) == (303, "/?tier=red")
    assert {"HttpOnly", "SameSite=Strict"} <= set(done.headers["set-cookie"].split("; "))
    assert own_site.client.get("/", headers=HTML).status_code == 200


def test_a_wrong_token_is_told_on_the_form(own_site: Site) -> None:
    page = sign_in(own_site, "fp_wrong")
    assert page.status_code == 401
    assert "令牌无效" in page.text
    assert "fp_wrong" not in page.text
    assert not own_site.client.cookies


def test_each_role_starts_where_it_may(own_site: Site) -> None:
    for role, place in ((Role.COUNTY, "/"), (Role.KIOSK, "/overview")):
        sign_in(own_site, own_site.token(role, made_up.COUNTY))
        assert own_site.client.get("/start", headers=HTML, follow_redirects=False).headers["location"] == place


@pytest.mark.parametrize("to", ["//elsewhere.example", "https://elsewhere.example", "javascript:alert(1)", "/\\elsewhere.example"])
def test_signing_in_never_leads_elsewhere(own_site: Site, to: str) -> None:
    assert sign_in(own_site, own_site.token(Role.COUNTY, made_up.COUNTY), to).headers["location"] == "/start"


def test_signing_out_needs_the_mark_of_the_session_and_ends_it(own_site: Site) -> None:
    sign_in(own_site, own_site.token(Role.VILLAGE, made_up.VILLAGES[0]))
    cookie = dict(own_site.client.cookies)
    page = own_site.client.get("/", headers=HTML).text
    refused = own_site.client.post("/sign-out", headers=HTML, data={"csrf": "0" * 43})
    assert refused.status_code == 403
    assert "页面已过期" in refused.text
    done = own_site.client.post("/sign-out", headers=HTML, data={"csrf": csrf(page)}, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
    own_site.client.cookies.update(cookie)
    assert own_site.client.get("/", headers=HTML, follow_redirects=False).status_code == 303
