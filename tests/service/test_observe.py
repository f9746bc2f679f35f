"""Every answer bears its request id and safe headers, what goes wrong keeps its shape, and the log tells nothing of anybody."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from features.errors import UserError
from service import logs
from service.app import create_app
from service.auth import Role
from service.logs import redacted
from service.safety import check_key
from service.settings import Settings
from tests.service import made_up
from tests.service.sites import Site, now, settings_in


def app_with(site: Site, **changed: Any) -> FastAPI:
    """The service of a site with other settings."""
    return create_app(site.settings.model_copy(update=changed), clock=now)


def test_every_answer_bears_the_request_id_that_the_problem_and_the_caller_name(site: Site) -> None:
    headers = site.headers()
    for path in ("/healthz", "/api/v1/summary", "/api/v1/nowhere", "/openapi.json"):
        assert site.client.get(path, headers={**headers, "X-Request-ID": "desk-7.x_Y"}).headers["x-request-id"] == "desk-7.x_Y"
    for path, given_headers in (("/api/v1/summary", {}), ("/api/v1/nowhere", headers), ("/api/v1/risk-list?limit=0", headers)):
        answer = site.client.get(path, headers=given_headers)
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert len(answer.headers["x-request-id"]) == 22


@pytest.mark.parametrize(
    "offered", ["", "two words", "x" * 65, "a\tb", "{}", "é", "1234567", "99000019900101123X", "desk-13800138000", "138-0013-8000"]
)
def test_a_request_id_that_is_no_plain_word_is_replaced(site: Site, offered: str) -> None:
    answer = site.client.get("/healthz", headers={"X-Request-ID": offered.encode("latin-1")})
    assert len(answer.headers["x-request-id"]) == 22


def test_headers_that_keep_an_answer_where_it_belongs(site: Site) -> None:
    for path in ("/healthz", "/api/v1/risk-list", "/api/v1/nowhere", "/openapi.json"):
        headers = site.client.get(path, headers=site.headers()).headers
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "private" in headers["cache-control"]
        assert "strict-transport-security" not in headers
        assert "server" not in headers


def test_over_https_browsers_are_told_to_stay_there(own_site: Site) -> None:
    with TestClient(app_with(own_site, https=True)) as client:
        assert client.get("/healthz").headers["strict-transport-security"].startswith("max-age=")


def test_only_named_hosts_are_answered_where_they_are_named(own_site: Site) -> None:
    with TestClient(app_with(own_site, allowed_hosts="Fangpin.county, 10.1.1.1")) as client:
        assert client.get("/healthz", headers={"Host": "fangpin.county:8000"}).status_code == 200
        for host in ("elsewhere.example", "", "fangpin.county.elsewhere.example", "10.1.1.1@elsewhere", "[", "[::1", "a]b["):
            answer = client.get("/healthz", headers={"Host": host})
            assert (answer.status_code, answer.json()["status"]) == (400, 400), host


def test_other_sites_may_ask_only_where_they_are_named(own_site: Site) -> None:
    asking = {"Origin": "https://screen.county", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    assert "access-control-allow-origin" not in own_site.client.options("/api/v1/summary", headers=asking).headers
    with TestClient(app_with(own_site, cors_origins="https://screen.county, https://other.county")) as client:
        answer = client.options("/api/v1/summary", headers=asking)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://screen.county")
        assert "access-control-allow-credentials" not in answer.headers
        assert client.options("/api/v1/summary", headers={**asking, "Origin": "https://elsewhere"}).status_code == 400
        assert client.get("/api/v1/summary", headers={"Origin": "https://screen.county"}).status_code == 401
        told = client.get("/api/v1/summary", headers={"Origin": "https://screen.county", **own_site.headers()}).headers
        readable = {name.strip().lower() for name in told["access-control-expose-headers"].split(",")}
        assert {"etag", "x-request-id"} <= readable & told.keys()


def test_a_request_that_takes_too_long_is_given_up_and_others_go_on(own_site: Site) -> None:
    app = app_with(own_site, request_seconds=0.3)

    @app.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(30)

    @app.get("/busy")
    def busy() -> None:
        time.sleep(2)

    headers = own_site.headers()
    with TestClient(app) as client:
        for path in ("/slow", "/busy"):
            begun = time.monotonic()
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (504, "urn:fangpin:problem:too-slow")
            assert time.monotonic() - begun < 1.9
        assert client.get("/api/v1/summary", headers=headers).status_code == 200


@pytest.mark.parametrize("kind", ["large", "many and empty"])
def test_large_batches_wait_for_one_another_and_polls_do_not(own_site: Site, households: list[made_up.Household], kind: str) -> None:
    service = own_site.client.app.state.service
    headers = own_site.headers()
    sent, expected = (households[:100], 200) if kind == "large" else ([{}] * 5000, 422)
    body = {"as_of": "2023-12-31", "households": sent}

    async def watch() -> tuple[int, int]:
        await service.batches.acquire_on_behalf_of("another batch")
        async with anyio.create_task_group() as group:
            answers: list[int] = []

            async def ask() -> None:
                send = partial(own_site.client.post, "/api/v1/scores", json=body, headers=headers)
                answers.append((await anyio.to_thread.run_sync(send)).status_code)

            group.start_soon(ask)
            await asyncio.sleep(0.5)
            waiting = len(answers)
            polled = (await anyio.to_thread.run_sync(lambda: own_site.client.get("/api/v1/summary", headers=headers))).status_code
            service.batches.release_on_behalf_of("another batch")
        return waiting, polled if answers == [expected] else 0

    portal = own_site.client.portal
    assert portal is not None
    assert portal.call(watch) == (0, 200)


def test_an_error_after_the_answer_began_breaks_it_off(own_site: Site) -> None:
    from starlette.responses import StreamingResponse

    app = app_with(own_site)

    @app.get("/half")
    async def half() -> StreamingResponse:
        async def parts() -> Any:
            yield b"half of a list"
            raise ValueError("broken")

        return StreamingResponse(parts())

    with TestClient(app, raise_server_exceptions=True) as client, pytest.raises(ValueError, match="broken"):
        client.get("/half", headers=own_site.headers())


def test_figures_for_whoever_watches(own_site: Site) -> None:
    headers = own_site.headers(Role.DASHBOARD)
    own_site.client.get("/api/v1/summary", headers=headers)
    own_site.client.get("/api/v1/no/such/name/王芳", headers=headers)
    assert own_site.client.get("/metrics").status_code == 401
    assert own_site.client.get("/metrics", headers=own_site.headers(Role.KIOSK)).status_code == 403
    assert own_site.client.get("/metrics", headers=own_site.headers(Role.VILLAGE, made_up.VILLAGES[0])).status_code == 403
    text = own_site.client.get("/metrics", headers=headers).text
    assert 'fangpin_requests_total{method="GET",route="/api/v1/summary",status="200"}' in text
    assert 'fangpin_request_seconds_bucket{le="0.05",route="/api/v1/summary"}' in text
    assert "fangpin_list_version 1.0" in text
    assert "fangpin_list_age_seconds" in text
    assert "fangpin_imports_total 1.0" in text
    version = own_site.client.get("/api/v1/summary", headers=headers).json()["model_version"]
    assert f'fangpin_model_info{{version="{version}"}} 1.0' in text
    assert "王芳" not in text


def test_several_processes_tell_one_sum(tmp_path: Path) -> None:
    code = (
        "import sys; from service import metrics\n"
        "for _ in range(5): metrics.counted('/x', 'GET', 200, 0.1)\n"
        "if sys.argv[1:]:\n"
        "    from service.storage.database import Database; from service.clock import utc_now\n"
        "    d = Database(sys.argv[1]); d.create()\n"
        "    with d.reading() as c: print(metrics.page(c, None, utc_now).decode())"
    )
    shared = tmp_path / "metrics"
    shared.mkdir()
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(shared)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path}/one.db"]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert 'fangpin_requests_total{method="GET",route="/x",status="200"} 10.0' in done.stdout


SECRETS = (
    "99000019900101123X",
    "990000199001011234",
    "13800138000",
    "138 0013 8000",
    "138-0013-8000",
    "１３８００１３８０００",
    "6222020200012345678",
    "fp_" + "Ab3_-xYz" * 5,
    "fps_" + "Ab3_-xYz" * 5,
)


@pytest.fixture
def written() -> Iterator[Any]:
    """A logger through the service's formatter, and what it has written."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Keep()
    handler.setFormatter(logs.formatter())
    logger = logging.getLogger("test.redaction")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, lines
    logger.removeHandler(handler)


@pytest.mark.parametrize("secret", SECRETS)
def test_numbers_and_tokens_never_reach_the_log(written: Any, secret: str) -> None:
    logger, lines = written
    logger.error("a household %s was seen", secret)
    logger.error("found", extra={"x": secret})
    logger.error({"rows": [secret, {"deep": secret}]})
    try:
        raise ValueError(f"cannot read {secret!r} in row 3")
    except ValueError:
        logger.exception("failed")
    for line in lines:
        assert secret not in line
        assert secret not in json.dumps(json.loads(line), ensure_ascii=False)
    assert "Traceback" in lines[-1]


@pytest.mark.parametrize(
    "text",
    [
        "姓名：秘密人",
        "户主=秘密人",
        '{"name": "秘密人", "x": 1}',
        "{'head_name': '秘密人'}",
        "name='秘密人'",
        '{"电话": "秘密人"}',
        "Authorization: Bearer 秘密人",
        "postgresql+psycopg://fangpin:秘密人@db:5432/fangpin",
        "password=秘密人",
        "Cookie: fangpin_session=秘密人",
        "[SQL: INSERT INTO x VALUES (?)] [parameters: ('秘密人', 3)]",
        "Input should be a valid integer [type=int_parsing, input_value='秘密人', input_type=str]",
    ],
)
def test_what_stands_under_a_telling_name_never_reaches_the_log(written: Any, text: str) -> None:
    logger, lines = written
    logger.error("seen: %s", text)
    logger.error({"inner": text})
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception("failed")
    assert [line for line in lines if "秘密人" in line] == []


def test_values_of_telling_keys_go_whatever_they_are(written: Any) -> None:
    logger, lines = written
    logger.error({"name": "秘密人", "rows": [{"phone_number": 1, "head_name": {"a": "秘密人"}, "token": ["秘密人"], "tier": "red"}]})
    assert "秘密人" not in lines[0]
    assert "red" in lines[0]


@given(st.text(max_size=200))
def test_any_text_gives_one_line_of_json(text: str) -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 1, "%s", (text.encode("utf-8", "replace").decode(),), None)
    line = logs.formatter().format(record)
    assert "\n" not in line
    assert json.loads(line)["level"] == "error"


def test_ordinary_words_stay_readable(written: Any) -> None:
    logger, lines = written
    logger.warning("list 12 of 520523 as of 2024-12-31: 25000 households in 0.123456 s, model 0a1b2c3d4e5f")
    assert json.loads(lines[0])["event"] == "list 12 of 520523 as of 2024-12-31: 25000 households in 0.123456 s, model 0a1b2c3d4e5f"


def test_whatever_a_process_writes_goes_through_the_formatter() -> None:
    code = (
        "import logging, warnings; from service import logs; logs.configure()\n"
        "logging.getLogger('uvicorn.error').info('Bearer abcdefgh')\n"
        "warnings.warn('13800138000')\n"
        "logging.error('%d', '13800138000')\n"
        "logging.getLogger('uvicorn.access').info('GET /?search=秘密人')\n"
        "raise RuntimeError('990000199001011234')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for line in done.stderr.splitlines():
        json.loads(line)
    assert not any(secret in done.stderr for secret in ("abcdefgh", "13800138000", "990000199001011234", "秘密人"))
    assert "uncaught" in done.stderr


EXAMPLES = "00" * 32, "5a" * 32, "0123456789abcdef" * 4, bytes(range(32)).hex(), bytes(range(32, 0, -1)).hex(), "ab" * 8


@pytest.mark.parametrize("key", EXAMPLES)
def test_outside_a_demonstration_a_known_key_is_refused(tmp_path: Path, key: str) -> None:
    settings = settings_in(tmp_path).model_copy(update={"demo": False})
    settings.pseudonym_key.write_text(key)
    settings.pseudonym_key.chmod(0o600)
    with pytest.raises(UserError, match="key"):
        create_app(settings)


def test_outside_a_demonstration_a_key_that_all_may_read_and_demo_tokens_are_refused(own_site: Site) -> None:
    settings = own_site.settings.model_copy(update={"demo": False})
    check_key(settings.pseudonym_key)
    settings.pseudonym_key.chmod(0o644)
    with pytest.raises(UserError, match="chmod"):
        create_app(settings)
    settings.pseudonym_key.chmod(0o640)
    create_app(settings, clock=now).state.service.database.close()
    from service.storage.token_store import create_token

    with own_site.database.writing() as connection:
        create_token(connection, "county", made_up.COUNTY, label="demo", now=now(), days=1)
    with pytest.raises(UserError, match="token revoke --label demo"):
        create_app(settings, clock=now)
    create_app(own_site.settings, clock=now).state.service.database.close()


def test_the_settings_bound_what_they_take() -> None:
    with pytest.raises(ValueError, match="log_level"):
        Settings(log_level="LOUD")


def test_the_row_that_a_database_refuses_is_not_logged() -> None:
    said = '(psycopg.errors.CheckViolation) new row violates "ck"\n'
    said += "DETAIL:  Failing row contains (1, 老人说\n张家欠账).\n[SQL: INSERT INTO visits]"
    assert redacted(said) == '(psycopg.errors.CheckViolation) new row violates "ck"\nDETAIL: …\n[SQL: INSERT INTO visits]'
