"""Default deny: a route that names no right does not exist, and a role without the right gets no further."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from service.app import create_app
from service.auth import OPEN_PATHS, RIGHTS, ROLE_DIGITS, Right, Role
from tests.service import made_up
from tests.service.sites import Site, settings_in


def rights_asked(dependant: Dependant) -> Iterator[Right]:
    right = getattr(dependant.call, "right", None)
    if right is not None:
        yield right
    for below in dependant.dependencies:
        yield from rights_asked(below)


def test_every_route_names_the_right_it_needs(tmp_path) -> None:
    app = create_app(settings_in(tmp_path))
    included = [getattr(route, "original_router", None) for route in app.routes]
    routes = [route for router in included if router for route in router.routes if route.path not in OPEN_PATHS]
    assert len(routes) >= 3
    assert all(isinstance(route, APIRoute) for route in routes)
    without = [route.path for route in routes if not list(rights_asked(route.dependant))]
    assert without == []
    app.state.service.database.close()


@pytest.mark.parametrize("role", list(Role))
def test_a_role_reaches_what_it_has_a_right_to_and_nothing_else(site: Site, role: Role) -> None:
    headers = site.headers(role, made_up.VILLAGES[0][: ROLE_DIGITS[role][0]])
    assert site.client.get("/api/v1/risk-list", headers=headers).status_code == (200 if Right.LIST in RIGHTS[role] else 403)
    assert site.client.get("/api/v1/summary", headers=headers).status_code == (200 if Right.COUNTS in RIGHTS[role] else 403)
    scored = site.client.post("/api/v1/scores", headers=headers, json={})
    assert scored.status_code == (422 if Right.SCORE in RIGHTS[role] else 403)
