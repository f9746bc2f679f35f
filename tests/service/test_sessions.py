"""Signing in with a browser: a session ends when it should, and no other site can make it do anything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated

import anyio
import pytest
from fastapi import Form, Request
from sqlalchemy import select
from starlette.testclient import TestClient

from features.pseudonym import pseudonym
from service.api.context import ServiceDep
from service.app import create_app
from service.auth import Caller, Role
from service.problems import ApiError
from service.sessions import COOKIE, derived_secret
from service.storage.tables import tokens
from service.storage.token_store import create_token, find_token, open_session, revoke_tokens
from service.storage.user_store import add_user, disable_user
from tests.service import made_up
from tests.service.sites import Site, now, settings_in

HOME = {"Origin": "http://testserver"}


def signed_in(site: Site, token: str) -> str:
    """The cookie's value after signing in."""
    sessions = site.client.app.state.service.sessions
    header = anyio.run(sessions.sign_in, token, "10.0.0.1")
    assert "HttpOnly" in header
    assert "SameSite=Strict" in header
    return str(header.split(";")[0].removeprefix(f"{COOKIE}="))


@pytest.fixture
def echo_site(own_site: Site) -> Iterator[Site]:
    """The service with one more route, that changes something and says what came in."""
    app = create_app(own_site.settings, clock=now)

    @app.post("/echo")
    async def echo(request: Request, field: Annotated[str, Form()] = "") -> dict[str, str]:
        return {"field": field, "name": request.state.caller.name}

    @app.get("/mark")
    async def mark(request: Request, service: ServiceDep) -> dict[str, str]:
        return {"csrf": service.sessions.csrf_token(request.state.caller)}

    with TestClient(app, raise_server_exceptions=False) as client:
        yield Site(own_site.settings, own_site.database, client)
    app.state.service.database.close()


def test_a_session_sees_what_its_token_sees_and_is_stored_only_as_a_hash(own_site: Site) -> None:
    token = own_site.token(Role.VILLAGE, made_up.VILLAGES[0])
    session = signed_in(own_site, token)
    by_cookie = own_site.client.get("/api/v1/risk-list", headers={"Cookie": f"{COOKIE}={session}"})
    by_token = own_site.client.get("/api/v1/risk-list", headers={"Authorization": f"Bearer {token}"})
    assert by_cookie.status_code == 200
    assert by_cookie.json() == by_token.json()
    with own_site.database.reading() as connection:
        assert session not in str(connection.execute(select(tokens)).all())


def test_a_session_is_no_token_and_a_token_no_session(own_site: Site) -> None:
    token = own_site.token(Role.COUNTY, made_up.COUNTY)
    session = signed_in(own_site, token)
    assert own_site.client.get("/api/v1/summary", headers={"Authorization": f"Bearer {session}"}).status_code == 401
    assert own_site.client.get("/api/v1/summary", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 401
    with pytest.raises(ApiError):
        signed_in(own_site, session)


def test_a_session_ends_after_its_hours_and_never_after_its_token(own_site: Site) -> None:
    session = signed_in(own_site, own_site.token(Role.COUNTY, made_up.COUNTY))
    hours = own_site.settings.session_hours
    with own_site.database.writing() as connection:
        assert find_token(connection, session, now() + dt.timedelta(hours=hours, seconds=-1)) is not None
        assert find_token(connection, session, now() + dt.timedelta(hours=hours)) is None
        short = create_token(connection, "county", made_up.COUNTY, label="", now=now() - dt.timedelta(hours=23), days=1)[0]
    session = signed_in(own_site, short)
    with own_site.database.reading() as connection:
        assert find_token(connection, session, now() + dt.timedelta(minutes=59)) is not None
        assert find_token(connection, session, now() + dt.timedelta(minutes=60)) is None


def test_signing_out_revoking_and_disabling_end_a_session_at_once(own_site: Site) -> None:
    def status(session: str) -> int:
        return own_site.client.get("/api/v1/summary", headers={"Cookie": f"{COOKIE}={session}"}).status_code

    with own_site.database.writing() as connection:
        user = add_user(connection, "王芳", "county", made_up.COUNTY, now())
        token = create_token(connection, "county", made_up.COUNTY, label="", now=now(), days=9, user_id=user)[0]
        number = connection.execute(select(tokens.c.id)).scalars().all()[-1]
    first, second, third = (signed_in(own_site, token) for _ in range(3))
    assert [status(session) for session in (first, second, third)] == [200, 200, 200]
    with own_site.database.reading() as connection:
        row = find_token(connection, first, now())
    assert row is not None
    cleared = anyio.run(
        own_site.client.app.state.service.sessions.sign_out, Caller(row.id, Role.COUNTY, made_up.COUNTY, opener=row.opened_by)
    )
    assert "Max-Age=0" in cleared
    assert [status(first), status(second)] == [401, 200]
    with own_site.database.writing() as connection:
        assert disable_user(connection, "王芳", now())
    assert status(second) == 401
    assert own_site.client.get("/api/v1/summary", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    with own_site.database.writing() as connection:
        assert revoke_tokens(connection, now(), number=number) == 3  # the token, and the two sessions that were not signed out


def test_a_form_of_the_session_itself_goes_through_and_arrives_whole(echo_site: Site) -> None:
    cookie = {"Cookie": f"{COOKIE}={signed_in(echo_site, echo_site.token(Role.COUNTY, made_up.COUNTY))}"}
    mark = echo_site.client.get("/mark", headers=cookie).json()["csrf"]
    text = "记录" * 20_000
    for sent in (
        {"data": {"csrf": mark, "field": text}},
        {"data": {"field": text}, "headers": {"X-CSRF-Token": mark}},
        {"files": {"csrf": (None, mark), "field": (None, text)}},
    ):
        answer = echo_site.client.post("/echo", **{**sent, "headers": {**cookie, **HOME, **sent.get("headers", {})}})
        assert answer.json() == {"field": text, "name": "test"}


def test_without_the_mark_of_this_session_nothing_is_changed(echo_site: Site) -> None:
    token = echo_site.token(Role.COUNTY, made_up.COUNTY)
    mine, other = ({"Cookie": f"{COOKIE}={signed_in(echo_site, token)}"} for _ in range(2))
    mark = echo_site.client.get("/mark", headers=mine).json()["csrf"]
    others = echo_site.client.get("/mark", headers=other).json()["csrf"]
    assert mark != others
    for body in (
        {},
        {"csrf": ""},
        {"csrf": others},
        {"csrf": mark[:-1]},
        {"csrf": mark.lower()},
        {"xcsrf": mark},
        {"field": f"&csrf={mark}&"},
    ):
        answer = echo_site.client.post("/echo", data=body, headers={**mine, **HOME})
        assert answer.status_code == 403, body
        assert answer.headers["content-type"] == "application/problem+json"
    assert (
        echo_site.client.post("/echo", headers={**mine, **HOME, "X-CSRF-Token": "\udcff".encode("utf-8", "surrogateescape")}).status_code
        == 403
    )
    assert echo_site.client.post("/echo", data={"csrf": mark}, headers={**mine, **HOME}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Referer": "http://elsewhere.example/testserver"},
    ],
)
def test_another_site_cannot_send_a_form_even_with_the_mark(echo_site: Site, headers: dict[str, str]) -> None:
    cookie = {"Cookie": f"{COOKIE}={signed_in(echo_site, echo_site.token(Role.COUNTY, made_up.COUNTY))}"}
    mark = echo_site.client.get("/mark", headers=cookie).json()["csrf"]
    assert echo_site.client.post("/echo", data={"csrf": mark}, headers={**cookie, **headers}).status_code == 403
    assert echo_site.client.post("/sign-in", data={"token": "x"}, headers=headers).status_code == 403


@pytest.mark.parametrize("site_of_request", ["cross-site", "same-site"])
def test_a_cookie_that_another_site_made_the_browser_send_counts_for_nothing(own_site: Site, site_of_request: str) -> None:
    cookie = {"Cookie": f"a=b; {COOKIE}={signed_in(own_site, own_site.token(Role.COUNTY, made_up.COUNTY))}; c=d"}
    assert own_site.client.get("/api/v1/summary", headers={**cookie, "Sec-Fetch-Site": site_of_request}).status_code == 401
    assert own_site.client.get("/api/v1/summary", headers={**cookie, "Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_a_browser_without_a_session_is_led_to_the_sign_in_page_and_back(site: Site) -> None:
    answer = site.client.get("/households/1?tier=red", headers={"Accept": "text/html,*/*"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fhouseholds%2F1%3Ftier%3Dred")
    assert site.client.get("/api/v1/summary", headers={"Accept": "text/html"}, follow_redirects=False).status_code == 401


def test_over_https_the_cookie_is_never_sent_in_the_clear(own_site: Site) -> None:
    sessions = create_app(own_site.settings.model_copy(update={"https": True}), clock=now).state.service.sessions
    assert anyio.run(sessions.sign_in, own_site.token(Role.COUNTY, made_up.COUNTY), "").endswith("; Secure")
    sessions.database.close()


def test_too_many_failures_from_an_address_are_slowed_but_good_tokens_pass(own_site: Site) -> None:
    app = create_app(own_site.settings.model_copy(update={"sign_in_limit": 3}), clock=now)
    headers = own_site.headers()
    with TestClient(app) as client:
        statuses = [client.get("/api/v1/summary", headers={"Authorization": f"Bearer fp_{number}"}).status_code for number in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        answer = client.get("/api/v1/summary", headers={"Authorization": "Bearer fp_x"})
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.headers["ratelimit-policy"] == '"failed-sign-ins";q=3;w=60'
        assert answer.json()["type"] == "urn:fangpin:problem:too-many"
        assert client.get("/api/v1/summary", headers=headers).status_code == 200
        with pytest.raises(ApiError, match="failed sign-ins"):
            anyio.run(app.state.service.sessions.sign_in, "fp_x", "testclient")


def test_too_many_requests_with_one_token_do_not_slow_another(own_site: Site) -> None:
    app = create_app(own_site.settings.model_copy(update={"rate_limit": 4}), clock=now)
    busy, other = own_site.headers(), own_site.headers()
    with TestClient(app) as client:
        assert [client.get("/api/v1/summary", headers=busy).status_code for _ in range(5)] == [200, 200, 200, 200, 429]
        assert client.get("/api/v1/summary", headers=other).status_code == 200
        assert client.get("/healthz", headers=busy).status_code == 200


def test_signing_in_again_and_again_gives_no_more_requests_and_comes_to_an_end(own_site: Site) -> None:
    app = create_app(own_site.settings.model_copy(update={"rate_limit": 4, "sign_in_limit": 3}), clock=now)
    token = own_site.token(Role.COUNTY, made_up.COUNTY)
    with TestClient(app) as client:
        site = Site(own_site.settings, own_site.database, client)
        sessions = [signed_in(site, token) for _ in range(3)]
        asked = [client.get("/api/v1/summary", headers={"Cookie": f"{COOKIE}={session}"}).status_code for session in sessions * 2]
        assert asked == [200, 200, 200, 200, 429, 429]
        with pytest.raises(ApiError, match="too many sign-ins"):
            signed_in(site, token)
        signed_in(site, own_site.token(Role.COUNTY, made_up.COUNTY))


def test_sessions_that_have_ended_are_removed_and_no_number_is_given_twice(own_site: Site) -> None:
    token = own_site.token(Role.COUNTY, made_up.COUNTY, days=300)

    def opened(at: dt.datetime) -> int:
        with own_site.database.writing() as connection:
            found = find_token(connection, token, at)
            assert found is not None
            open_session(connection, found, at, hours=1)
            return max(connection.execute(select(tokens.c.id)).scalars())

    numbers = [opened(now() + dt.timedelta(hours=2 * hour)) for hour in range(4)]
    assert numbers == sorted(set(numbers))
    with own_site.database.reading() as connection:
        assert connection.execute(select(tokens.c.id).where(tokens.c.opened_by.is_not(None))).scalars().all() == numbers[-1:]
        assert find_token(connection, token, now()) is not None


def test_a_token_revoked_while_it_signs_in_opens_nothing(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    token = own_site.token(Role.COUNTY, made_up.COUNTY)
    sessions = own_site.client.app.state.service.sessions
    hit = sessions.openings.hit

    def revoked_meanwhile(number: int) -> float:
        with own_site.database.writing() as connection:
            revoke_tokens(connection, now(), number=number)
        return float(hit(number))

    monkeypatch.setattr(sessions.openings, "hit", revoked_meanwhile)
    with pytest.raises(ApiError, match="revoked"):
        anyio.run(sessions.sign_in, token, "10.0.0.1")
    with own_site.database.reading() as connection:
        assert connection.execute(select(tokens.c.id).where(tokens.c.opened_by.is_not(None))).all() == []


def test_zero_means_no_limit(own_site: Site) -> None:
    app = create_app(own_site.settings.model_copy(update={"rate_limit": 0, "sign_in_limit": 0}), clock=now)
    headers = own_site.headers()
    with TestClient(app) as client:
        assert {client.get("/api/v1/summary", headers=headers).status_code for _ in range(40)} == {200}
        assert {client.get("/api/v1/summary").status_code for _ in range(40)} == {401}


def test_the_secret_behind_the_forms_is_no_pseudonym_of_anything(tmp_path) -> None:
    settings = settings_in(tmp_path)
    settings.pseudonym_key.write_text("5a" * 32)
    secret = derived_secret(settings.pseudonym_key, "session")
    assert len(secret) == 64
    assert secret != derived_secret(settings.pseudonym_key, "other")
    assert pseudonym(b"\x5a" * 32, "fangpin session") not in secret.hex()
