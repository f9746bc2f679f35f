"""Every error of every route has one shape."""

from __future__ import annotations

from typing import Any

import pytest

from service.app import create_app
from service.auth import OPEN_PATHS
from service.wire import ProblemAnswer
from tests.service.sites import Site, now
from tests.service.test_auth import routes


def check(answer: Any, status: int, path: str) -> dict[str, Any]:
    """The answer is a problem of that status and says where."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    ProblemAnswer.model_validate_json(answer.content, strict=True)
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "request_id", "errors"}
    assert (body["status"], body["instance"]) == (status, path)
    assert body["title"]
    assert body["detail"]
    return body


def test_without_a_token(site: Site) -> None:
    for method, path in routes(site):
        if path not in OPEN_PATHS and method != "HEAD":
            check(site.client.request(method, path), 401, path)


def test_no_such_address(site: Site) -> None:
    check(site.client.get("/api/v1/nowhere", headers=site.headers()), 404, "/api/v1/nowhere")
    check(site.client.get("/api/v1/%ff%00", headers=site.headers()), 404, "/api/v1/�\x00")


def test_no_such_method(site: Site) -> None:
    for method, path in (("DELETE", "/api/v1/risk-list"), ("DELETE", "/api/v1/scores"), ("POST", "/healthz"), ("PATCH", "/api/v1/summary")):
        answer = site.client.request(method, path, headers=site.headers())
        check(answer, 405, path)
        assert answer.headers["allow"]


def test_parameters_that_cannot_be_used(site: Site) -> None:
    for path in ("/api/v1/risk-list", "/api/v1/summary"):
        for query in ({"region": "1"}, {"unknown": "1"}):
            body = check(site.client.get(path, params=query, headers=site.headers()), 422, path)
            assert [error["field"] for error in body["errors"]] == list(query)


def test_a_body_that_is_too_large(empty_site: Site) -> None:
    from starlette.testclient import TestClient

    small = empty_site.settings.model_copy(update={"max_body_mb": 1})
    headers = empty_site.headers()
    with TestClient(create_app(small, clock=now)) as client:
        check(client.post("/api/v1/scores", content=b" " * (1024 * 1024 + 1), headers=headers), 413, "/api/v1/scores")

        def stream() -> Any:
            for _ in range(20):
                yield b" " * 100_000

        check(client.post("/api/v1/scores", content=stream(), headers=headers), 413, "/api/v1/scores")


def test_nothing_to_show_yet(empty_site: Site) -> None:
    for path in ("/api/v1/risk-list", "/api/v1/summary"):
        body = check(empty_site.client.get(path, headers=empty_site.headers()), 503, path)
        assert "python -m service score" in body["errors"][0]["message"]
    answer = empty_site.client.post("/api/v1/scores", json={"households": [{}], "as_of": "2023-12-31"}, headers=empty_site.headers())
    check(answer, 503, "/api/v1/scores")


def test_what_nobody_foresaw_is_logged_and_told_without_its_inside(own_site: Site, caplog: pytest.LogCaptureFixture) -> None:
    headers = own_site.headers()
    with own_site.database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE summaries")
    body = check(own_site.client.get("/api/v1/summary", headers=headers), 500, "/api/v1/summary")
    assert "summaries" not in body["detail"]
    assert "summaries" in caplog.text
