"""Whoever asks for whatever: nobody gets further than role and region, and every refusal has the one shape."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.audit import rows_of
from service.auth import OPEN_PATHS, RIGHTS, ROLE_DIGITS, Right, Role
from service.wire import ProblemAnswer
from tests.service import made_up
from tests.service.sites import Site
from tests.service.test_rights import rights_asked

OUTSIDE = "520524", "520523102", f"{made_up.COUNTY}999", f"{made_up.COUNTY}101009", "52052", "000000"
REGIONS = (made_up.COUNTY, *(village[:9] for village in made_up.VILLAGES), *made_up.VILLAGES, *OUTSIDE)
PLACES = re.compile(r'"(?:village_code|village|town|county|region)":"(\d{6,12})"')


def dependants(site: Site) -> dict[tuple[str, str], Dependant]:
    """What each (method, path) of the description asks of its caller."""
    app: Any = site.client.app
    found = {}
    for included in app.routes:
        for route in getattr(getattr(included, "original_router", None), "routes", ()):
            found |= {(method, route.path): route.dependant for method in route.methods if hasattr(route, "dependant")}
    return found


@pytest.fixture(scope="module")
def asked(site: Site) -> dict[tuple[str, str], tuple[frozenset[Right], bool]]:
    """The rights that each route of the description needs, and whether it can be asked for a region."""
    described = site.client.get("/openapi.json", headers=site.headers()).json()["paths"]
    known = dependants(site)
    wanted = [(method.upper(), path) for path, operations in described.items() for method in operations if path not in OPEN_PATHS]
    assert len(wanted) > 8
    taking = {(method, path) for method, path in wanted if '"region"' in json.dumps(described[path][method.lower()].get("parameters", []))}
    assert taking
    return {key: (frozenset(rights_asked(known[key])), key in taking) for key in sorted(wanted)}


@pytest.fixture(scope="module")
def household_ids(site: Site) -> list[str]:
    """Households of every village."""
    answers = [
        site.client.get("/api/v1/risk-list", params={"region": village, "limit": 2}, headers=site.headers()) for village in made_up.VILLAGES
    ]
    return [item["household_id"] for answer in answers for item in answer.json()["items"]]


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_answer_goes_beyond_role_and_region(
    site: Site, asked: dict[tuple[str, str], tuple[frozenset[Right], bool]], household_ids: list[str], data: st.DataObject
) -> None:
    role = data.draw(st.sampled_from(list(Role)), "role")
    own = data.draw(st.sampled_from([region for region in REGIONS[: -len(OUTSIDE)] if len(region) in ROLE_DIGITS[role]]), "own region")
    method, path = data.draw(st.sampled_from(list(asked)), "route")
    query = data.draw(
        st.dictionaries(
            st.sampled_from(["region", "limit", "tier", "by", "since", "x"]), st.sampled_from([*REGIONS, "1", "red", "town"]), max_size=2
        )
    )
    where = re.sub(r"\{household_id\}", data.draw(st.sampled_from(household_ids), "household"), path)
    where = re.sub(r"\{[^}]*\}", lambda _: data.draw(st.sampled_from(["1", "2", "nothing"])), where)
    body = {"households": [{"household_id": "1", "village_code": data.draw(st.sampled_from(made_up.VILLAGES)), "status": "ordinary"}]}
    sent = {"json": body} if method in {"POST", "PUT", "PATCH"} and data.draw(st.booleans()) else {}
    before = len(list(rows_of(site.settings.audit_dir)))
    answer = site.client.request(method, where, params=query, headers=site.headers(role, own), **sent)
    assert len(list(rows_of(site.settings.audit_dir))) == before + 1
    assert answer.status_code != 500
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        told = ProblemAnswer.model_validate_json(answer.content)
        assert (told.status, told.request_id) == (answer.status_code, answer.headers["x-request-id"])
        return
    rights, takes_region = asked[method, path]
    assert rights <= RIGHTS[role]
    assert not takes_region or query.get("region", own).startswith(own)
    outside = [place for place in PLACES.findall(answer.text) if not place.startswith(own) and not own.startswith(place)]
    assert outside == []
    if "household" in path and "{household_id}" in path:
        village = site.client.get("/api/v1/risk-list", params={"region": own, "limit": 500}, headers=site.headers())
        assert where.split("/")[4] in village.text
