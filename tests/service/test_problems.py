"""Every error of every route has one shape."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from service.api.visits import VisitBody
from service.app import create_app
from service.auth import OPEN_PATHS
from service.wire import ProblemAnswer
from service.wording import FIELD_ZH, SHAPES, WORDS
from tests.service.sites import Site, now
from tests.service.test_auth import routes

CHINESE = re.compile(r"[\u3400-\u9fff]")


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


@pytest.mark.parametrize("path", ["/api/v1/risk-list", "/api/v1/visits", "/api/v1/model/history", "/api/v1/clues"])
@pytest.mark.parametrize("value", ["青山村", "", "1e9", "-5"])
def test_an_entry_is_named_and_told_in_both_languages_without_a_pattern(site: Site, path: str, value: str) -> None:
    for name in ("limit", "cursor", "region"):
        answer = site.client.get(path, params={name: value}, headers=site.headers())
        if answer.status_code == 404 or (answer.status_code == 200 and not value):
            continue
        (error,) = check(answer, 422, path)["errors"]
        assert error["field"] == name
        assert re.fullmatch(r"[^A-Za-z]*[\u3400-\u9fff][^A-Za-z]* [A-Za-z][^\u3400-\u9fff]+", error["message"])
        assert not re.search(r"[\^\\]|\[0-9|pattern|Input", error["message"])


def test_every_parameter_and_every_kind_of_finding_has_its_words(site: Site) -> None:
    description = site.client.get("/openapi.json", headers=site.headers()).json()
    parameters = [one for path in description["paths"].values() for method in path.values() for one in method.get("parameters", [])]
    assert {one["name"] for one in parameters} <= set(FIELD_ZH)
    assert set(VisitBody.model_fields) <= set(FIELD_ZH)
    assert {one["name"] for one in parameters if '"pattern"' in json.dumps(one)} <= set(SHAPES)
    for zh, en in (*WORDS.values(), *SHAPES.values()):
        assert CHINESE.search(zh)
        assert not CHINESE.search(en)
        assert not re.search("[A-Za-z]", re.sub(r"\{\w+\}", "", zh)), "a page shows the half before the first Latin letter"


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "visited_on", "入户日期：必须填写 visited on: must be given"),
        ({"note": "长" * 2001}, "note", "备注：过长，最多 2000 个字符"),
        ({"reason": "因为"}, "reason", "入户原因：应为其中之一 reason: must be one of: routine, "),
        ({"replaces": 0}, "replaces", "更正第几版：不得小于 1 replaces: must be 1 at least"),
        ({"probability": "1"}, "probability", "抽取概率：应为数字 probability: must be a number"),
        ({"colour": 1}, "colour", "没有此参数，请去掉 colour: there is no such parameter"),
    ],
)
def test_what_is_wrong_with_a_body_says_what_is_allowed(site: Site, body: dict[str, Any], field: str, words: str) -> None:
    path = "/api/v1/households/x/visits"
    errors = check(site.client.post(path, json=body, headers=site.headers()), 422, path)["errors"]
    assert [error["message"][: len(words)] for error in errors if error["field"] == field] == [words]
    broken = site.client.post(path, content=b"{", headers=site.headers() | {"Content-Type": "application/json"})
    assert "无法解析" in check(broken, 422, path)["errors"][0]["message"]
