"""Kills the service in the middle of its work and looks whether anything acknowledged is lost or half-done: `make killing KILLS=200`.

Each round starts an import, a scoring run, a server that takes visits, or a change of model, kills it (SIGKILL) after a random time, and
then looks at what the database and the files say. It ends with the first thing that does not hold.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import func, select

from features.tables import TABLES
from models import pointer
from models.bundle import load
from service.importing import make_key
from service.storage.database import Database
from service.storage.register_store import load_register, stored_import
from service.storage.score_store import active
from service.storage.tables import metadata, scores, summaries, visits
from tests.bench.serving import Client, free_port
from tests.service import made_up, postgres

HOUSEHOLDS = 400
NEW_ROWS = 60
AFTER_START_SECONDS = 2.0  # longest wait before a server is killed, once it answers


class Broken(SystemExit):
    """Something acknowledged was lost, or something is half-done."""


def insist(holds: bool, what: str) -> None:
    """Ends the run if something does not hold."""
    if not holds:
        raise Broken(f"BROKEN 不成立: {what}")


class Site:
    """One installation, its files, and what it has acknowledged."""

    def __init__(self, folder: Path, url: str, random: Random) -> None:
        self.folder, self.url, self.random = folder, url, random
        self.households = made_up.county(HOUSEHOLDS)
        self.versions = [made_up.promote(made_up.train(self.households, seed=seed), folder / "bundles") for seed in (2, 1)]
        make_key(folder / "pseudonym.key")
        self.environment = os.environ | {
            "FANGPIN_DEMO": "1",
            "FANGPIN_DATABASE_URL": url,
            "FANGPIN_BUNDLE_DIR": str(folder / "bundles"),
            "FANGPIN_PSEUDONYM_KEY": str(folder / "pseudonym.key"),
            "FANGPIN_UPLOADS_DIR": str(folder / "uploads"),
            "FANGPIN_AUDIT_DIR": str(folder / "audit"),
            "FANGPIN_RATE_LIMIT": "0",
            "OMP_NUM_THREADS": "1",
        }
        self.own_events = sum(len(one["events"]) for one in self.households)
        self.rounds = 0
        self.acknowledged: dict[tuple[str, str], str] = {}
        # A kill comes somewhere within the time that the work takes here and now, or shortly after.
        self.seconds = {
            "import": 1.2 * self.timed("import", str(self.register()), "--months", "0"),
            "score": 1.2 * self.timed("score"),
        }
        self.token = self.run("token", "create", "--role", "county", "--region", made_up.COUNTY).strip()
        with self.database() as database, database.reading() as connection:
            self.ids = [str(name) for name in load_register(connection).household_id]
        self.rows = self.stored_rows()

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "service", *words]

    def run(self, *words: str) -> str:
        """Runs a command to its end."""
        done = subprocess.run(self.command(*words), env=self.environment, capture_output=True, text=True, check=False)
        insist(done.returncode == 0, f"`service {' '.join(words)}` failed after a kill: {done.stderr[-2000:]}")
        return done.stdout

    def timed(self, *words: str) -> float:
        """Runs a command to its end; its seconds."""
        start = time.monotonic()
        self.run(*words)
        return time.monotonic() - start

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Starts a command that may be killed."""
        return subprocess.Popen(self.command(*words), env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def register(self) -> Path:
        """A register folder that holds a little more than the one before."""
        self.rounds += 1
        late = [
            {
                "household_id": self.households[place]["household_id"],
                "event_id": f"late-{number}-{place}",
                "event_kind": "disaster",
                "occurred_on": "2023-11-05",
                "amount": 100.0 + number,
                "known_on": "2023-11-06",
            }
            for number in range(self.rounds)
            for place in range(NEW_ROWS)
        ]
        folder = self.folder / "register"
        shutil.rmtree(folder, ignore_errors=True)
        return made_up.write_register(folder, self.households, {"events": late})

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The database as a new process would open it."""
        database = Database(self.url)
        try:
            yield database
        finally:
            database.close()

    def stored_rows(self) -> Counter[str]:
        """How many rows of each table the stored register shows."""
        with self.database() as database, database.reading() as connection:
            register = load_register(connection)
        return Counter({name: len(register.tables[name]) for name in TABLES})

    @contextmanager
    def serving(self) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
        """A server that answers; it is killed at the end if it still lives."""
        port = free_port()
        process = self.start("serve", "--port", str(port))
        until = time.monotonic() + 60
        while True:
            try:
                Client(port).ask("GET", "/readyz")
                break
            except (OSError, SystemExit) as error:
                insist(process.poll() is None and time.monotonic() < until, f"the service does not come up after a kill: {error}")
                time.sleep(0.05)
        try:
            yield port, process
        finally:
            process.kill()
            process.wait()


def kill_within(site: Site, process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kills a process after a random time; whether it had ended well before."""
    try:
        process.wait(site.random.uniform(0, seconds))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return process.wait() == 0


def an_import(site: Site) -> str:
    """A killed import is not there at all; one that said it was done is there whole."""
    with site.database() as database, database.reading() as connection:
        number = stored_import(connection)
    done = kill_within(site, site.start("import", str(site.register()), "--months", "0"), site.seconds["import"])
    with site.database() as database, database.reading() as connection:
        now = stored_import(connection)
    rows = site.stored_rows()
    if now == number:
        insist(not done, "an acknowledged import is not there")
        insist(rows == site.rows, f"a killed import changed the register: {site.rows} → {rows}")
        return "not begun or undone"
    expected = Counter(site.rows)
    expected["events"] = site.own_events + NEW_ROWS * site.rounds
    insist(rows == expected, f"an import is there in part: {expected} → {rows}")
    site.rows = rows
    return "done"


def a_scoring(site: Site) -> str:
    """After a killed run the old list is in use, whole; after an acknowledged one the new."""
    before = in_use(site)
    done = kill_within(site, site.start("score", "--again"), site.seconds["score"])
    after = in_use(site)
    insist(not done or after > before, "an acknowledged list is not in use")
    return "done" if after > before else "old list kept"


def in_use(site: Site) -> int:
    """The list in use, which must be whole."""
    with site.database() as database, database.reading() as connection:
        record = active(connection)
        assert record is not None
        version = record.list_version
        rows = connection.execute(select(func.count()).select_from(scores).where(scores.c.list_version == version)).scalar_one()
        counted = connection.execute(select(func.sum(summaries.c.households_count)).where(summaries.c.list_version == version)).scalar_one()
    insist(
        rows == record.households == counted, f"list {version} is half there: {rows} scores, {counted} counted, {record.households} named"
    )
    return int(version)


def some_visits(site: Site) -> str:
    """Every visit that was answered 201 is there after the kill, whole; nothing else is there in part."""
    sent = 0
    with site.serving() as (port, process):

        def record() -> None:
            nonlocal sent
            client = Client(port, site.token)
            while True:
                place = site.random.choice(site.ids)
                day = (dt.date(2024, 1, 1) + dt.timedelta(days=site.random.randrange(700))).isoformat()
                note = f"第 {len(site.acknowledged)} 次 round {site.rounds}"
                if (place, day) in site.acknowledged:
                    continue
                told = json.dumps({"visited_on": day, "reason": "list", "found": "no_risk", "note": note}).encode()
                sent += 1
                try:
                    client.ask("POST", f"/api/v1/households/{place}/visits", told, 201, **{"Content-Type": "application/json"})
                except SystemExit as error:
                    if " 409 " in str(error):
                        continue  # written just before an earlier kill, and never answered
                    raise
                site.acknowledged[place, day] = note

        failures: list[BaseException] = []

        def guarded() -> None:
            try:
                record()
            except OSError:
                return  # the server was killed
            except BaseException as error:  # told below
                if "RemoteDisconnected" not in repr(error) and "IncompleteRead" not in repr(error):
                    failures.append(error)

        clients = [threading.Thread(target=guarded) for _ in range(2)]
        for client in clients:
            client.start()
        kill_within(site, process, AFTER_START_SECONDS)
        for client in clients:
            client.join(30)
        insist(not failures, f"a visit was refused: {failures[:1]}")
    with site.database() as database, database.reading() as connection:
        stored = {(row.household_id, row.visited_on): row for row in connection.execute(select(visits))}
    lost = [key for key, note in site.acknowledged.items() if key not in stored or stored[key].note != note]
    insist(not lost, f"{len(lost)} acknowledged visits are lost: {lost[:3]}")
    insist(all(row.found == "no_risk" and row.recorded_by for row in stored.values()), "a visit is there in part")
    site.run("audit", "verify")
    return f"{sent} sent"


def a_swap(site: Site) -> str:
    """Whoever is killed while the model changes, a whole bundle is in use afterwards, and it answers."""
    one = made_up.household(1, Random(1)) | {"village_code": made_up.VILLAGES[0]}
    asked = json.dumps({"as_of": made_up.AS_OF.isoformat(), "households": [one]}).encode()
    with site.serving() as (port, process):
        wanted = [site.random.choice(site.versions) for _ in range(2)]
        change = site.start("model", "use", wanted[0])
        client = Client(port, site.token)
        try:
            for _ in range(20):
                client.ask("POST", "/api/v1/scores", asked)
        finally:
            kill_within(site, site.random.choice([change, process]), AFTER_START_SECONDS)
            change.kill()
            change.wait()
    bundle = load(site.folder / "bundles" / pointer.read(site.folder / "bundles").version)
    insist(bundle.version in site.versions, f"an unknown model is in use: {bundle.version}")
    with site.serving() as (port, _):
        answer = json.loads(Client(port, site.token).ask("POST", "/api/v1/scores", asked)[0])
        insist(answer["items"][0]["model_version"] == bundle.version, "another model answers than the one in use")
    return "kept" if bundle.version != wanted[0] else "changed"


KINDS = {"import": an_import, "score": a_scoring, "visit": some_visits, "swap": a_swap}


def leftovers(site: Site) -> None:
    """After one undisturbed import and list, nothing of the broken ones is left."""
    site.run("import", str(site.register()), "--months", "0")
    site.run("score", "--again")
    with site.database() as database, database.reading() as connection:
        number = stored_import(connection)
        for name in TABLES:
            table = metadata.tables[f"register_{name}"]
            beyond = connection.execute(select(func.count()).select_from(table).where(table.c.loaded_in > number)).scalar_one()
            insist(beyond == 0, f"{beyond} rows of a broken import are left in {name}")
        known = set(connection.execute(select(metadata.tables["lists"].c.list_version)).scalars())
        orphans = set(connection.execute(select(scores.c.list_version).distinct()).scalars()) - known
        insist(not orphans, f"rows of lists that do not exist: {orphans}")


def rounds(site: Site, kills: int, only: str | None) -> Counter[tuple[str, str]]:
    """So many kills, and how each ended."""
    seen: Counter[tuple[str, str]] = Counter()
    for number in range(kills):
        kind = only or site.random.choice(list(KINDS))
        outcome: Any = KINDS[kind](site)
        seen[kind, outcome.split(" sent")[0] if not outcome[0].isdigit() else "killed"] += 1
        sys.stdout.write(f"\r{number + 1}/{kills} {kind}: {outcome}" + " " * 20)
        sys.stdout.flush()
    leftovers(site)
    return seen


def main() -> None:
    """Runs the kills on one database."""
    parser = argparse.ArgumentParser(description="中断检验 kills the service at random points and checks that nothing is lost")
    parser.add_argument("--kills", type=int, default=200, help="次数 how many")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=list(KINDS))
    args = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder, random = Path(name), Random(args.seed)
        if args.database == "sqlite":
            site = Site(folder, f"sqlite:///{folder / 'fangpin.db'}", random)
            seen = rounds(site, args.kills, args.only)
        else:
            with postgres.running() as server:
                site = Site(folder, server.url(server.create()), random)
                seen = rounds(site, args.kills, args.only)
    lines = "".join(f"  {kind:8} {outcome:22} {count}\n" for (kind, outcome), count in sorted(seen.items()))
    kept = len(site.acknowledged)
    sys.stdout.write(
        f"\n{args.database}: {args.kills} kills in {time.monotonic() - start:.0f} s, nothing lost, nothing half-done; "
        f"{kept:,} acknowledged visits all there\n{lines}"
    )


if __name__ == "__main__":
    main()
