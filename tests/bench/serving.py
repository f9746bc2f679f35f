"""Measures the service over HTTP, on the machine it runs on: `make bench-serving SITE=var/demo/jinsha-25000`.

Every latency stands beside that of an empty route and of the barest answer that uvicorn can give, asked by the same client in the same
minute; a loop of one client that waits for each answer. `--stored N` measures list pages over N made-up stored scores, `--mlflow` the
model step of `mlflow models serve` on the same trees.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.measure import household

Row = tuple[str, str]
AS_OF = dt.date(2024, 12, 31)
BAREST = """
import sys, uvicorn

async def barest(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})

uvicorn.run(barest, port=int(sys.argv[1]), lifespan="off", log_level="warning", access_log=False, loop="uvloop", http="httptools")
"""
COPIES = 4
"""So many times its size are the counties that a list is multiplied to: 100,000 households where the list has 25,000."""


def quantiles(taken: Sequence[float]) -> str:
    """Median and 99th percentile, as shown."""
    return f"p50 {statistics.median(taken) * 1e3:.2f} ms, p99 {np.quantile(taken, 0.99) * 1e3:.2f} ms"


class Client:
    """One connection that is kept, and its token."""

    def __init__(self, port: int, token: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, body: bytes | None = None, expect: int = 200, **headers: str) -> tuple[bytes, dict[str, str]]:
        """One request; anything but the expected status ends the measurement."""
        self.connection.request(method, path, body, self.headers | headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != expect:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:400]!r}")
        return content, {name.lower(): value for name, value in answer.getheaders()}


def repeat(call: Callable[[], object], times: int) -> list[float]:
    """Seconds of each call, after some that do not count."""
    for _ in range(min(30, times)):
        call()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return taken


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(site: Path) -> dict[str, str]:
    """The settings of a demo folder; limits that protect a county office from a benchmark are off."""
    return os.environ | {
        "FANGPIN_DEMO": "1",
        "FANGPIN_DATABASE_URL": f"sqlite:///{site / 'fangpin.db'}",
        "FANGPIN_BUNDLE_DIR": str(site / "bundles"),
        "FANGPIN_PSEUDONYM_KEY": str(site / "pseudonym.key"),
        "FANGPIN_AUDIT_DIR": str(site / "audit"),
        "FANGPIN_RATE_LIMIT": "0",
        "OMP_NUM_THREADS": "2",
        "OMP_WAIT_POLICY": "passive",
    }


def token(site: Path, role: str, region: str) -> str:
    """A fresh token of that site."""
    command = [sys.executable, "-m", "service", "token", "create", "--role", role, "--region", region]
    return subprocess.run(command, env=environment(site), check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def started(command: list[str], port: int, found: dict[str, str], ready: str = "/") -> Iterator[tuple[float, subprocess.Popen[bytes]]]:
    """A server that answers: the seconds until it did, its process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=found, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while True:
            try:
                Client(port).ask("GET", ready)
                break
            except (OSError, SystemExit):
                if process.poll() is not None or time.perf_counter() - start > 60:
                    raise SystemExit(f"{' '.join(command[:4])} did not start") from None
                time.sleep(0.05)
        yield time.perf_counter() - start, process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@contextmanager
def serving(site: Path, workers: int = 1, python: str = sys.executable) -> Iterator[tuple[int, float, subprocess.Popen[bytes]]]:
    """A running service: its port, the seconds until it was ready, its process."""
    port = free_port()
    command = [python, "-m", "service", "serve", "--port", str(port), *(["--workers", str(workers)] if workers > 1 else [])]
    with started(command, port, environment(site), "/readyz") as (ready, process):
        yield port, ready, process


def barest() -> list[Row]:
    """The least that a request costs on this machine: uvicorn without application, token, log or database."""
    port = free_port()
    with started([sys.executable, "-c", BAREST, str(port)], port, dict(os.environ)):
        return [("barest answer of uvicorn", quantiles(repeat(partial(Client(port).ask, "GET", "/"), 2000)))]


def resident(process: subprocess.Popen[bytes]) -> str:
    """Resident memory of a process and all that it started, largest first; those beside it that score large requests are named so."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,rss=,args="], capture_output=True, text=True, check=True).stdout
    family, sizes = {process.pid}, []
    for line in sorted(listed.splitlines(), key=lambda line: int(line.split()[0])):  # who was started comes after who started it
        own, parent, size, command = line.split(maxsplit=3)
        if {int(own), int(parent)} & family:
            family.add(int(own))
            sizes.append((int(size) / 1024, " (large requests)" if "anyio.to_process" in command else ""))
    return ", ".join(f"{size:.0f} MB{what}" for size, what in sorted(sizes, reverse=True))


def body(households: int, county: str) -> bytes:
    """A scoring request."""
    one = household(AS_OF) | {"village_code": f"{county}101001"}
    return json.dumps(
        {"as_of": AS_OF.isoformat(), "households": [one | {"household_id": f"bench-{i}"} for i in range(households)]}
    ).encode()


def requests(site: Path, county: str, python: str) -> list[Row]:
    """Single requests: an empty route, one household, 5,000 households, a page, a poll that finds nothing new."""
    rows: list[Row] = []
    with serving(site, python=python) as (port, ready, process):
        rows.append(("ready after", f"{ready:.1f} s"))
        client = Client(port, token(site, "county", county))
        empty = repeat(lambda: client.ask("GET", "/healthz"), 2000)
        rows.append(("empty route /healthz", quantiles(empty)))
        single = body(1, county)
        rows.append(("one household POST /api/v1/scores", quantiles(repeat(lambda: client.ask("POST", "/api/v1/scores", single), 1000))))
        page = repeat(lambda: client.ask("GET", "/api/v1/risk-list?limit=100"), 500)
        rows.append(("list page of 100", quantiles(page)))
        _, headers = client.ask("GET", "/api/v1/risk-list?limit=100")
        if "etag" in headers:
            again = {"If-None-Match": headers["etag"]}
            rows.append(
                (
                    "the same, not modified (304)",
                    quantiles(repeat(lambda: client.ask("GET", "/api/v1/risk-list?limit=100", None, 304, **again), 1000)),
                )
            )
        rows.append(("summary", quantiles(repeat(lambda: client.ask("GET", "/api/v1/summary"), 500))))
        many = body(5000, county)
        client.connection.close()  # the service closes a connection that was quiet while the request was made up
        took = statistics.median(repeat(lambda: client.ask("POST", "/api/v1/scores", many), 5))
        rows.append(("5,000 households a request", f"{took:.2f} s, {5000 / took:,.0f} households/s, {len(many) / 1e6:.1f} MB"))
        rows.append(("resident", resident(process)))
    return rows


def polls(site: Path, county: str, seconds: float, python: str) -> list[Row]:
    """A dashboard's polls on two workers: alone, then beside continuous requests of 5,000 households."""
    with serving(site, workers=2, python=python) as (port, _, process):
        held = token(site, "dashboard", county)
        poll = Client(port, held)
        _, headers = poll.ask("GET", "/api/v1/summary")
        again = {"If-None-Match": headers["etag"]} if "etag" in headers else {}

        def ask() -> None:
            poll.connection.close()  # a new connection each time, so that both workers are met
            poll.ask("GET", "/api/v1/summary", None, 304 if again else 200, **again)
            time.sleep(0.02)

        idle = [taken - 0.02 for taken in repeat(ask, int(seconds / 0.03))]
        stop = threading.Event()
        many, sender = body(5000, county), token(site, "county", county)

        def batches() -> None:
            client = Client(port, sender)
            while not stop.is_set():
                client.ask("POST", "/api/v1/scores", many)

        beside = threading.Thread(target=batches)
        beside.start()
        time.sleep(1)
        busy = [taken - 0.02 for taken in repeat(ask, int(seconds / 0.05))]
        stop.set()
        beside.join()
        return [
            ("poll, two workers, idle", quantiles(idle)),
            ("poll beside continuous batches of 5,000", quantiles(busy)),
            ("resident, each process", resident(process)),
        ]


def stored(site: Path, county: str, households: int) -> list[Row]:
    """List pages, deep ones too, over many stored scores: a copy of the site whose list is blown up."""
    from service.storage.database import Database

    with tempfile.TemporaryDirectory(dir=site) as folder:
        copy = Path(folder)
        for name in ("bundles", "pseudonym.key"):
            (copy / name).symlink_to((site / name).resolve())
        shutil.copy(site / "fangpin.db", copy / "fangpin.db")
        start = time.perf_counter()
        database = Database(f"sqlite:///{copy / 'fangpin.db'}")
        blow_up(database, county, households)
        database.close()
        rows = [(f"{households:,} scores written", f"{time.perf_counter() - start:.0f} s")]
        with serving(copy) as (port, _, _process):
            for role, region in (("county", county), ("township", county + "101")):
                client = Client(port, token(copy, role, region))
                rows.append((f"{role}: empty route", quantiles(repeat(partial(client.ask, "GET", "/healthz"), 500))))
                for query in ("", "&tier=yellow", "&candidate=edge"):
                    cursors, at = [""], ""
                    for _ in range(12):
                        found = json.loads(client.ask("GET", f"/api/v1/risk-list?limit=100{query}{at}")[0])
                        if not found["next_cursor"]:
                            break
                        at = f"&cursor={found['next_cursor']}"
                        cursors.append(at)
                    for name, place in (("first page", cursors[0]), (f"page {len(cursors)}", cursors[-1])):
                        path = f"/api/v1/risk-list?limit=100{query}{place}"
                        rows.append((f"{role}{query}: {name}", quantiles(repeat(partial(client.ask, "GET", path), 300))))
        return rows


def blow_up(database: Any, county: str, households: int) -> None:
    """Multiplies the list in use, with its reasons, to so many households, in counties of `COPIES` times its size."""
    from sqlalchemy import text

    made = {
        "household_id": "substr(household_id, 1, 12) || printf('%08x', n)",
        "county": "printf('%06d', county + n / :m)",
        "town": "printf('%06d', county + n / :m) || substr(town, 7)",
        "village": "printf('%06d', county + n / :m) || substr(village, 7)",
        **{f"rank_{level}": f"rank_{level} + n % :m" for level in ("county", "town", "village")},
    }
    spread = ", ".join(f"rank_{level} = (rank_{level} - 1) * :m + 1" for level in ("county", "town", "village"))
    with database.writing() as connection:
        ask = connection.exec_driver_sql
        version = ask("SELECT list_version FROM active_list").scalar_one()
        values = {"v": version, "m": COPIES, "county": county}
        values["copies"] = max(1, households // ask("SELECT count(*) FROM scores WHERE list_version = ?", (version,)).scalar_one()) - 1
        # Rows that come in any order are written many times faster into a table whose indexes are made afterwards.
        indexes = ask("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'scores' AND sql IS NOT NULL").all()
        for name, _ in indexes:
            ask(f"DROP INDEX {name}")
        connection.execute(text(f"UPDATE scores SET {spread} WHERE list_version = :v"), values)
        for table in ("scores", "reasons"):
            columns = [row[1] for row in ask(f"PRAGMA table_info({table})")]
            picked, names = ", ".join(made.get(name, name) for name in columns), ", ".join(columns)
            connection.execute(
                text(
                    f"WITH RECURSIVE more(n) AS (SELECT 1 WHERE :copies > 0 UNION ALL SELECT n + 1 FROM more WHERE n < :copies) "
                    f"INSERT INTO {table} ({names}) SELECT {picked} FROM {table}, more WHERE list_version = :v ORDER BY 1, 2"
                ),
                values,
            )
        for _, made_by in indexes:
            ask(made_by)


def mlflow_serving(site: Path) -> list[Row]:
    """`mlflow models serve` with the largest trees of the bundle: a matrix row in, a number out, without features or reasons."""
    import mlflow.lightgbm

    from models import pointer
    from models.bundle import load
    from models.members import Boosted

    bundle = load(site / "bundles" / pointer.read(site / "bundles").version)
    booster = next(member.booster for member in bundle.members if isinstance(member, Boosted))
    with tempfile.TemporaryDirectory() as folder:
        mlflow.lightgbm.save_model(booster, folder + "/model")
        port = free_port()
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", folder + "/model", "--env-manager", "local", "-p", str(port)]
        # It calls uvicorn by its name, which has to be that of this environment.
        found = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        asked = json.dumps({"inputs": np.zeros((1, booster.num_feature())).tolist()}).encode()
        with started(command, port, found, "/ping"):
            call = partial(Client(port).ask, "POST", "/invocations", asked, 200, **{"Content-Type": "application/json"})
            return [("mlflow models serve, one row", quantiles(repeat(call, 300)))]


def main() -> None:
    """Runs the sections and prints the table."""
    parser = argparse.ArgumentParser(description="服务性能测量 measures the service over HTTP")
    parser.add_argument("--site", type=Path, required=True, help="演示目录 a demo folder, e.g. var/demo/jinsha-25000")
    parser.add_argument("--county", default="520523", help="区划代码 area code of the county")
    parser.add_argument("--stored", type=int, nargs="*", default=[], help="另测若干已存评分数 measure pages over so many stored scores too")
    parser.add_argument("--seconds", type=float, default=20, help="轮询测量时长 how long to poll")
    parser.add_argument(
        "--python", default=sys.executable, help="以另一环境运行服务 serve with another environment's Python, e.g. the image's"
    )
    parser.add_argument("--mlflow", action="store_true", help="同时测 mlflow models serve beside it")
    parser.add_argument("--only", choices=["requests", "polls", "stored", "mlflow"], help="只测一节 one section only")
    args = parser.parse_args()
    sections: dict[str, list[Callable[[], list[Row]]]] = {
        "barest": [barest],
        "requests": [lambda: requests(args.site, args.county, args.python)],
        "polls": [lambda: polls(args.site, args.county, args.seconds, args.python)],
        "stored": [lambda n=n: stored(args.site, args.county, n) for n in args.stored],
        "mlflow": [lambda: mlflow_serving(args.site)] if args.mlflow else [],
    }
    for name, runs in sections.items():
        if args.only in (None, name) or name == "barest":
            for run in runs:
                sys.stdout.write(f"\n{name}\n" + "".join(f"  {left:45} {right}\n" for left, right in run()))
                sys.stdout.flush()


if __name__ == "__main__":
    main()
