"""Whatever is sent to any route of the description, the service answers as described, in one shape of error, and never with 5xx.

A seeded slice of requests runs with the tests; `make reliability` sends many more.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks

from service.app import create_app
from service.settings import Settings
from service.wire import ProblemAnswer
from tests.service.sites import Site

EXAMPLES = int(os.environ.get("FANGPIN_EXAMPLES", "12"))
LONG = "FANGPIN_EXAMPLES" in os.environ
CHECKED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def operations() -> list[tuple[str, str]]:
    """Every (method, path) of the description."""
    paths = create_app(Settings(database_url="sqlite://", demo=True)).openapi()["paths"]
    return [(method, path) for path, item in paths.items() for method in item]


@pytest.fixture(scope="session")
def county_headers(site: Site) -> dict[str, str]:
    """Signed in as the county, which may reach every route."""
    return site.headers()


@pytest.fixture(scope="session")
def described(site: Site, county_headers: dict[str, str]) -> Any:
    """The description that the service gives of itself."""
    return schemathesis.openapi.from_asgi("/openapi.json", site.client.app, headers=county_headers)


OPERATIONS = operations()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_described(described: Any, county_headers: dict[str, str], method: str, path: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=not LONG, suppress_health_check=list(HealthCheck))
    @given(case=described[path][method].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(headers=county_headers)
        case.validate_response(answer, checks=CHECKED)
        if answer.status_code >= 400:
            problem = ProblemAnswer.model_validate(answer.json())
            assert problem.status == answer.status_code

    ask()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_answer_without_a_token(described: Any, method: str, path: str) -> None:
    @settings(max_examples=max(3, EXAMPLES // 6), deadline=None, derandomize=not LONG, suppress_health_check=list(HealthCheck))
    @given(case=described[path][method].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        answer = case.call()
        assert answer.status_code == 401 or not path.startswith("/api/")

    ask()
