"""A real browser in front of a real server: what a page does in somebody's hands, and whether anything was wrong while it did."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_SECONDS = 30


def executable() -> str:
    """Where the browser is; where there is none the test is left out loudly, or fails where all tests are wanted."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        why = (
            "Chromium is not installed, so NO page was tested in a browser 未安装 Chromium，页面未在浏览器中测试: apt-get install chromium"
        )
        if os.environ.get("FANGPIN_TEST_ALL") == "1":
            pytest.fail(why)
        pytest.skip(why)
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """The browser, without a window."""
    there = executable()  # asked first: what drives a browser does not even start where its libraries are missing
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=there, args=["--no-sandbox"])
        yield found
        found.close()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address of an app that is served beside the tests."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + PATIENCE_SECONDS
    while not server.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(PATIENCE_SECONDS)


@dataclass
class Desk:
    """A browser at somebody's desk.

    Attributes:
        wrong: what the browser complained about: breaches of the security policy, errors of scripts, addresses that do not answer.
    """

    url: str
    context: BrowserContext
    page: Page
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Opens an address."""
        self.page.goto(self.url + path)

    def sign_in(self, token: str) -> None:
        """Signs in as people do."""
        self.go("/sign-in")
        self.page.get_by_label("访问令牌").fill(token)
        self.page.get_by_role("button", name="登录").click()
        self.page.wait_for_url(lambda url: "/sign-in" not in url)


@contextmanager
def desk(found: Browser, url: str, **options: Any) -> Iterator[Desk]:
    """A fresh browser window that remembers nothing."""
    context = found.new_context(locale="zh-CN", **options)
    page = context.new_page()
    at = Desk(url, context, page)
    page.on("console", lambda message: at.wrong.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: at.wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(url) else at.wrong.append(f"asked for {request.url}"))
    yield at
    context.close()
