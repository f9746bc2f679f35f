"""A PostgreSQL server of the tests' own: real, in a scratch folder, reached by a socket, gone with the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

# Text in this order differs from the order of characters' codes: what relies on the latter without saying so fails.
CLUSTER = ("--username=fangpin", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=zh")
QUICK = {
    "autovacuum": "off",  # plans must not depend on whether it has counted a table yet
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0",
    "listen_addresses": "", "shared_buffers": "32MB",
}  # fmt: skip
# A database is some three hundred small files, and hundreds of databases come and go: on a disk that costs several times as much.
MEMORY = Path("/dev/shm")
ENOUGH = 2 * 2**30
PATIENCE_SECONDS = 60


def programs() -> Path:
    """Where the server's programmes are; where there are none the test is left out loudly, or fails where all tests are wanted."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = shutil.which("initdb") or (installed[-1] if installed else None)
    if found is None:
        why = "PostgreSQL is not installed, so NOTHING was tested on it 未安装 PostgreSQL，相关测试未运行: apt-get install postgresql"
        if os.environ.get("FANGPIN_TEST_ALL") == "1":
            pytest.fail(why)
        pytest.skip(why)
    return Path(found).parent


class Server:
    """A running server, in which databases are made, copied and dropped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0

    def url(self, name: str) -> str:
        """The address of a database, as an installation would write it."""
        return f"postgresql://fangpin@/{name}?host={self.folder}"

    def run(self, statement: str) -> None:
        """Runs a statement outside any transaction, beside all databases."""
        with psycopg.connect(f"host={self.folder} user=fangpin dbname=postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def create(self, template: str = "template0") -> str:
        """The name of a new database, a copy of another."""
        self.made += 1
        name = f"fangpin_{self.made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drops a database, whoever still uses it."""
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running() -> Iterator[Server]:
    """Starts a server, which dies with this process even if that is killed."""
    where = programs()
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    folder = Path(tempfile.mkdtemp(prefix="fangpin-postgres-", dir=MEMORY if in_memory else None))
    # The server refuses to run as root.
    owner = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if owner:
        shutil.chown(folder, "postgres", "postgres")
    as_owner = ["setpriv", *owner, "--pdeathsig=QUIT"]
    data = folder / "data"
    try:
        subprocess.run(
            [*as_owner, where / "initdb", "-D", data, "--no-sync", *CLUSTER], cwd=folder, check=True, capture_output=True, text=True
        )
        settings = [part for name, value in QUICK.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([*as_owner, where / "postgres", "-D", data, "-k", folder, *settings], cwd=folder, stderr=log)
        try:
            server = Server(folder)
            _wait(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # a politer end would wait for every connection
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            server.run("SELECT 1")
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > end:
                log = (server.folder / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start: {error}\n{log[-2000:]}") from error
            time.sleep(0.05)
