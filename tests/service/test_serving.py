"""The service as a process: it stops without losing what it has in hand, and several processes answer as one."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from service.auth import Role
from tests.service import made_up
from tests.service.processes import children
from tests.service.sites import Site

PATIENCE = 60.0
FOR_EVER = 36_500  # the process knows the real date, which the tests' own present does not
DRAIN = 1.5


def ask(port: int, path: str, token: str = "", body: bytes | None = None) -> tuple[int, bytes]:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET" if body is None else "POST", path, body, {"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_for(met: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def status(port: int, path: str) -> int:
    """What is answered; 0 where nobody listens."""
    try:
        return ask(port, path)[0]
    except OSError:
        return 0


@contextmanager
def served(site: Site, folder: Path, *options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A service on a free port, once it is ready."""
    given = site.settings.model_dump() | {"drain_seconds": DRAIN, "metrics_dir": folder / "metrics"}
    environment = {f"FANGPIN_{name.upper()}": str(value) for name, value in given.items() if value is not None}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "service", "serve", "--port", str(port), *options]
    with (folder / "served.txt").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(lambda: status(port, "/readyz") == 200 or process.poll() is not None, "it was not ready in time")
        assert process.poll() is None, (folder / "served.txt").read_text()
        yield port, process
    finally:
        process.kill()
        process.wait()


def test_told_to_stop_it_is_not_ready_any_more_answers_on_and_finishes_what_it_has(
    own_site: Site, households: list[made_up.Household], tmp_path: Path
) -> None:
    token = own_site.token(Role.COUNTY, made_up.COUNTY, FOR_EVER)
    asked = [one | {"household_id": f"{one['household_id']}-{copy}"} for copy in range(5) for one in households]
    many = json.dumps({"as_of": made_up.AS_OF.isoformat(), "households": asked}).encode()
    answers: list[tuple[int, bytes]] = []
    send = partial(ask, body=many, token=token, path="/api/v1/scores")
    with served(own_site, tmp_path) as (port, process):
        under_way = threading.Thread(target=lambda: answers.append(send(port)))
        assert send(port)[0] == 200
        assert children(process.pid), "large requests are not worked off beside it"
        under_way.start()
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGTERM)  # as whoever stops a group of processes does
        wait_for(lambda: status(port, "/readyz") == 503, "it went on saying that it was ready")
        assert ask(port, "/api/v1/risk-list", token)[0] == 200
        time.sleep(DRAIN / 2)
        last = threading.Thread(target=lambda: answers.append(send(port)))
        last.start()
        for thread in (under_way, last):
            thread.join(PATIENCE)
        process.wait(PATIENCE)
        assert status(port, "/healthz") == 0
    assert [answer[0] for answer in answers] == [200, 200]
    assert {len(json.loads(answer[1])["items"]) for answer in answers} == {len(asked)}


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
def test_several_processes_answer_as_one_and_stop_together(own_site: Site, tmp_path: Path) -> None:
    token = own_site.token(Role.COUNTY, made_up.COUNTY, FOR_EVER)
    with served(own_site, tmp_path, "--workers", "2") as (port, process):
        answers = {ask(port, "/api/v1/risk-list?limit=5", token) for _ in range(24)}
        assert len(answers) == 1, "the processes do not tell the same"
        assert next(iter(answers))[0] == 200

        def counted() -> float:
            told = ask(port, "/metrics", token)[1].decode().splitlines()
            line = next(line for line in told if line.startswith("fangpin_requests_total{") and 'route="/api/v1/risk-list"' in line)
            return float(line.rpartition(" ")[2])

        # A process counts an answer when it has gone out, and the other may be asked before it did.
        wait_for(lambda: counted() == 24, "an answer was not counted")
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        assert status(port, "/healthz") == 0
