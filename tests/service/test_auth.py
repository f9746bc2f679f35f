"""Nothing opens without a token, and a token opens only what it is for."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from features.errors import UserError
from service.app import create_app
from service.auth import OPEN_PATHS, Caller, Role, check_grant
from service.problems import ApiError
from service.storage.tables import tokens
from service.storage.token_store import find_token, revoke_tokens
from tests.service import made_up
from tests.service.sites import Site, now


def _walk(some: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for route in some:
        inner = getattr(route, "original_router", route)  # included routers stay routers
        if hasattr(inner, "routes"):
            yield from _walk(inner.routes)
        else:
            yield from ((method, inner.path) for method in inner.methods)


def routes(site: Site) -> list[tuple[str, str]]:
    """Every (method, path) the service knows, those of the framework included."""
    described = site.client.get("/openapi.json", headers=site.headers()).json()["paths"]
    found = {(method.upper(), path) for path, operations in described.items() for method in operations}
    app: Any = site.client.app
    assert found <= set(_walk(app.routes))
    return sorted(set(_walk(app.routes)))


def test_every_route_but_the_health_checks_asks_for_a_token(site: Site) -> None:
    known = routes(site)
    assert {"/openapi.json", "/api/v1/scores", "/api/v1/risk-list", "/api/v1/summary", "/healthz", "/readyz"} <= {path for _, path in known}
    for method, path in [
        *known,
        ("GET", "/nothing-here"),
        ("GET", "/docs"),
        ("GET", "/redoc"),
        ("GET", "/"),
        ("GET", "/healthz/"),
        ("PUT", "/api"),
    ]:
        answer = site.client.request(method, path, follow_redirects=False)
        assert (answer.status_code != 401) == (path in OPEN_PATHS), (method, path)
    assert frozenset({"/healthz", "/readyz", "/sign-in"}) == OPEN_PATHS


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwdw==", "Bearer fp_unknown", "Bearer \udcff", "fp_x", "Bearer " + "x" * 5000]
)
def test_what_is_no_token_is_told_so(site: Site, header: str) -> None:
    answer = site.client.get("/api/v1/summary", headers={"Authorization": header.encode("utf-8", "surrogateescape")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "token" in answer.json()["detail"]


def test_a_token_ends_when_it_expires(site: Site) -> None:
    token = site.token(Role.COUNTY, made_up.COUNTY, days=30)
    with site.database.reading() as connection:
        assert find_token(connection, token, now() + dt.timedelta(days=29, hours=23)) is not None
        assert find_token(connection, token, now() + dt.timedelta(days=30)) is None


def test_a_token_ends_at_once_when_it_is_revoked(own_site: Site) -> None:
    headers = own_site.headers()
    assert own_site.client.get("/api/v1/summary", headers=headers).status_code == 200
    with own_site.database.writing() as connection:
        number = connection.execute(select(tokens.c.id)).scalars().all()[-1]
        assert revoke_tokens(connection, now(), number=number) == 1
    assert own_site.client.get("/api/v1/summary", headers=headers).status_code == 401


def test_only_the_hash_of_a_token_is_stored(own_site: Site) -> None:
    token = own_site.token(Role.COUNTY, made_up.COUNTY)
    path = Path(own_site.settings.database_url.removeprefix("sqlite:///"))
    content = b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    assert token.encode() not in content
    assert token.removeprefix("fp_").encode() not in content


def test_tokens_are_not_alike(own_site: Site) -> None:
    made = {own_site.token(Role.COUNTY, made_up.COUNTY) for _ in range(20)}
    assert len(made) == 20
    assert min(len(token) for token in made) > len(secrets.token_urlsafe(32))


@pytest.mark.parametrize(
    ("role", "region"),
    [
        (Role.COUNTY, "520523101"),
        (Role.TOWNSHIP, "520523"),
        (Role.VILLAGE, "520523101"),
        (Role.DASHBOARD, "52"),
        (Role.COUNTY, ""),
        (Role.COUNTY, "52052a"),
        (Role.COUNTY, "520523\n"),
        (Role.COUNTY, "５２０５２３"),
    ],
)
def test_a_role_takes_no_region_of_another_level(role: Role, region: str) -> None:
    with pytest.raises(UserError, match="digits"):
        check_grant(role, region)


@pytest.mark.parametrize("role", list(Role))
def test_a_caller_may_narrow_but_not_widen_or_leave_its_region(role: Role) -> None:
    caller = Caller(1, role, "520523101")
    assert caller.scope(None) == "520523101"
    assert caller.scope("520523101002") == "520523101002"
    for outside in ("520523", "520523102", "520524101"):
        with pytest.raises(ApiError):
            caller.scope(outside)


def test_a_web_socket_is_turned_away(site: Site) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), site.client.websocket_connect("/api/v1/scores"):
        pass


def test_starting_twice_on_one_database_keeps_what_is_there(own_site: Site) -> None:
    headers = own_site.headers()
    create_app(own_site.settings, clock=now).state.service.database.close()
    assert own_site.client.get("/api/v1/summary", headers=headers).status_code == 200
