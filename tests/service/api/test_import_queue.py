"""Uploads wait in a queue of bounded length: one too many is refused before it is read, and told when to come again."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.clock import stamp
from service.settings import Settings
from service.storage import job_store
from tests.service import made_up
from tests.service.sites import Backend, Site, now, running

MOST = 2


@pytest.fixture
def busy_site(tmp_path: Path, backend: Backend, empty: Settings) -> Iterator[Site]:
    """A running service in which few uploads may wait; nothing works them off."""
    with backend.copy(empty, tmp_path / "site") as settings, running(settings, uploads_waiting=MOST) as site:
        yield site


def wait_in_line(site: Site, jobs: int = 1) -> list[int]:
    asked = job_store.Asked("a.zip", dry_run=True, mode="update", months=36, score=False, region=made_up.COUNTY, asked_by="test")
    with site.database.writing() as connection:
        return [job_store.add_job(connection, asked, stamp(now()), 10) for _ in range(jobs)]


def upload(site: Site, body: Callable[[], bytes]) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Sends an upload whose body is only made when it is read; returns status, headers and answer."""
    out: list[Any] = []
    headers = {"host": "testserver", "content-type": "application/zip", **{k.lower(): v for k, v in site.headers().items()}}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/v1/imports",
        "raw_path": b"/api/v1/imports",
        "root_path": "",
        "query_string": b"dry_run=true",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body(), "more_body": False}

    async def send(message: Any) -> None:
        out.append(message)

    app: Any = site.client.app
    portal = site.client.portal  # the loop that the service runs in
    assert portal is not None
    portal.call(app, scope, receive, send)
    given = {name.decode(): value.decode() for name, value in out[0]["headers"]}
    return out[0]["status"], given, orjson.loads(b"".join(message.get("body", b"") for message in out[1:]))


def refuse_to_be_read() -> bytes:
    raise AssertionError("the body was read")


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("households.csv", "household_id\n")
    return out.getvalue()


def test_one_upload_too_many_is_refused_unread_until_there_is_room(busy_site: Site) -> None:
    first, _ = wait_in_line(busy_site, MOST)
    status, headers, answer = upload(busy_site, refuse_to_be_read)
    assert (status, headers["retry-after"], headers["content-type"]) == (429, "60", "application/problem+json")
    assert f"{MOST} uploads are waiting" in answer["detail"]
    with busy_site.database.writing() as connection:
        job_store.end_job(connection, first, job_store.DONE, {}, stamp(now()))
    assert upload(busy_site, archive)[0] == 202


def test_the_last_place_is_given_once_however_long_an_upload_takes(busy_site: Site) -> None:
    wait_in_line(busy_site, MOST - 1)

    def overtaken() -> bytes:
        wait_in_line(busy_site)
        return archive()

    assert upload(busy_site, overtaken)[0] == 429
    assert list(busy_site.settings.uploads_dir.iterdir()) == []


def test_a_browser_is_told_on_a_page(busy_site: Site) -> None:
    wait_in_line(busy_site, MOST)
    headers = busy_site.headers() | {"Accept": "text/html"}
    answer = busy_site.client.post("/imports?dry_run=true", headers=headers, files={"file": ("a.zip", archive())})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert f"已有 {MOST} 个上传在等待处理" in answer.text
