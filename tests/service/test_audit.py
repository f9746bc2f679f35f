"""The access log says who saw what; whoever tampers with it is found out, and without it nothing is shown."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from features.pseudonym import load_key, pseudonym
from service import audit, trace
from service.access import AccessLog, harmless_query
from service.app import create_app
from service.audit import HEAD, AuditLog, rows_of, verify
from service.auth import Role
from tests.service import made_up
from tests.service.sites import Site, now

ROWS = 12
LAX = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


class Calendar:
    """A clock that can be moved."""

    def __init__(self, moment: dt.datetime = made_up.NOW) -> None:
        self.moment = moment

    def __call__(self) -> dt.datetime:
        return self.moment


def filled(folder: Path, rows: int = ROWS) -> AuditLog:
    """A log over two months."""
    calendar = Calendar()
    log = AuditLog(folder, calendar)
    for number in range(rows):
        if number == rows // 2:
            calendar.moment += dt.timedelta(days=31)
        log.write({"request_id": str(number), "status": 200})
    return log


def lines_of(folder: Path) -> list[tuple[Path, int]]:
    """Where each row stands."""
    return [(path, place) for path in sorted(folder.glob("*.jsonl")) for place in range(len(path.read_bytes().splitlines()))]


def test_a_chain_over_months_and_processes_is_intact(tmp_path: Path) -> None:
    filled(tmp_path).close()
    told = verify(tmp_path)
    assert (told.rows, told.broken, told.notes) == (ROWS, None, [])
    assert [path.name for path in sorted(tmp_path.glob("*.jsonl"))] == ["audit-2024-03.jsonl", "audit-2024-04.jsonl"]
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}
    assert [row["request_id"] for row in rows_of(tmp_path)] == [str(number) for number in range(ROWS)]
    assert [row["request_id"] for row in rows_of(tmp_path, "2024-04-01")] == [str(number) for number in range(ROWS // 2, ROWS)]


def test_several_processes_write_one_chain(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from service.audit import AuditLog; from service.clock import utc_now\n"
        "log = AuditLog(Path(sys.argv[1]), utc_now)\n"
        "for n in range(150): log.write({'request_id': sys.argv[2]})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)]) for number in range(3)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    assert (verify(tmp_path).rows, verify(tmp_path).broken) == (450, None)


def test_a_clock_that_goes_back_a_month_breaks_nothing(tmp_path: Path) -> None:
    calendar = Calendar()
    log = AuditLog(tmp_path, calendar)
    for months in (0, 1, 0, 2):
        calendar.moment = made_up.NOW + dt.timedelta(days=31 * months)
        log.write({"status": 200})
    assert (verify(tmp_path).rows, verify(tmp_path).broken) == (4, None)


def change(lines: list[bytes], at: int, random: Random) -> None:
    """One character of a line becomes another."""
    place = random.randrange(len(lines[at]))
    other = bytes([random.choice([byte for byte in b'0123456789abcdef{}",' if byte != lines[at][place]])])
    lines[at] = lines[at][:place] + other + lines[at][place + 1 :]


def rehash(lines: list[bytes], at: int, random: Random) -> None:
    """A line is rewritten, its own hash made to fit."""
    import hashlib

    import orjson

    row = orjson.loads(lines[at])
    row.pop("hash")
    row["status"] = 404
    body = orjson.dumps(row)
    lines[at] = body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}'


def delete(lines: list[bytes], at: int, random: Random) -> None:
    """A line is taken out."""
    del lines[at]


def repeat(lines: list[bytes], at: int, random: Random) -> None:
    """A line is put in that stands elsewhere as well."""
    lines.insert(at, lines[random.randrange(len(lines))])


def swap(lines: list[bytes], at: int, random: Random) -> None:
    """Two lines change places."""
    other = random.choice([place for place in range(len(lines)) if place != at])
    lines[at], lines[other] = lines[other], lines[at]


def cut(lines: list[bytes], at: int, random: Random) -> None:
    """The tail is cut off."""
    del lines[at:]


@LAX
@given(
    tamper=st.sampled_from([change, rehash, delete, repeat, swap, cut]),
    at=st.integers(0, ROWS // 2 - 1),
    file=st.integers(0, 1),
    seed=st.integers(),
)
def test_whatever_is_done_to_the_files_is_found_and_placed(
    tmp_path_factory: pytest.TempPathFactory, tamper: Callable[[list[bytes], int, Random], None], at: int, file: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("audit")
    filled(folder).close()
    path = sorted(folder.glob("*.jsonl"))[file]
    before = path.read_bytes().splitlines()
    lines = list(before)
    tamper(lines, at, Random(seed))
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    told = verify(folder)
    assert told.broken is not None
    if lines[: len(before)] == before[: len(lines)] or tamper is rehash:  # cut off at the end of a file, or only the next row can tell
        return
    first = next(place for place, line in enumerate(lines) if place >= len(before) or line != before[place])
    assert (told.broken.file, told.broken.line) == (path.name, first + 1)


@pytest.mark.parametrize("which", ["audit-2024-03.jsonl", "audit-2024-04.jsonl", HEAD])
def test_a_whole_file_that_is_gone_is_missed_also_after_the_service_went_on(tmp_path: Path, which: str) -> None:
    filled(tmp_path).close()
    (tmp_path / which).unlink()
    assert verify(tmp_path).broken is not None
    AuditLog(tmp_path, Calendar(made_up.NOW + dt.timedelta(days=31))).write({"status": 200})
    assert verify(tmp_path).broken is not None


def test_a_tail_cut_off_with_its_head_is_missed_by_the_hash_noted_elsewhere(tmp_path: Path) -> None:
    log = filled(tmp_path)
    noted = verify(tmp_path).head
    log.write({"status": 200})
    log.close()
    assert verify(tmp_path, noted).broken is None
    path = tmp_path / "audit-2024-04.jsonl"
    other = tmp_path / "anew"
    filled(other, 4).close()
    assert verify(other, noted).broken is not None
    assert path.exists()


@LAX
@given(kept=st.integers(1, 40))
def test_a_line_torn_by_a_loss_of_power_is_noted_and_the_chain_goes_on(tmp_path_factory: pytest.TempPathFactory, kept: int) -> None:
    folder = tmp_path_factory.mktemp("audit")
    filled(folder).close()
    with (folder / "audit-2024-04.jsonl").open("ab") as file:
        file.write(b'{"n":13,"prev":"0123456789abcdef0123456789'[:kept])
    assert verify(folder).broken is not None
    AuditLog(folder, Calendar(made_up.NOW + dt.timedelta(days=31))).write({"status": 200})
    told = verify(folder)
    assert told.broken is None
    assert told.rows == ROWS + 2
    assert told.notes is not None
    assert "torn_line" in told.notes[0]


def test_rows_written_before_the_head_moved_are_taken_in_and_noted(tmp_path: Path) -> None:
    log = filled(tmp_path)
    before = (tmp_path / HEAD).read_bytes()
    log.write({"status": 200})
    log.close()
    (tmp_path / HEAD).write_bytes(before)
    assert verify(tmp_path).broken is not None
    AuditLog(tmp_path, Calendar(made_up.NOW + dt.timedelta(days=62))).write({"status": 200})
    told = verify(tmp_path)
    assert (told.broken, told.rows) == (None, ROWS + 3)
    assert told.notes is not None
    assert "recovered" in told.notes[0]


@pytest.mark.parametrize("before", ["nothing yet", "looked at by /readyz", "another month"])
def test_a_first_row_that_a_kill_cuts_off_from_its_head_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    calendar = Calendar()
    log = AuditLog(tmp_path, calendar)
    match before:
        case "looked at by /readyz":
            log.check()
        case "another month":
            log.write({"request_id": "0"})
            calendar.moment += dt.timedelta(days=31)
    moves: list[audit.Head] = []

    def killed_after_the_row(file: int, head: audit.Head) -> None:
        moves.append(head)
        if head.size:
            raise KeyboardInterrupt
        AuditLog._move(log, file, head)

    monkeypatch.setattr(log, "_move", killed_after_the_row)
    with pytest.raises(KeyboardInterrupt):
        log.write({"request_id": "1"})
    again = AuditLog(tmp_path, calendar)
    again.write({"request_id": "2"})
    again.close()
    told = verify(tmp_path)
    assert told.broken is None, told.broken
    assert [row.get("request_id") for row in rows_of(tmp_path) if "request_id" in row][-2:] == ["1", "2"]


def test_a_torn_line_cannot_be_used_to_hide_a_changed_one(tmp_path: Path) -> None:
    filled(tmp_path).close()
    path = tmp_path / "audit-2024-04.jsonl"
    with path.open("ab") as file:
        file.write(b'{"n":13')
    AuditLog(tmp_path, Calendar(made_up.NOW + dt.timedelta(days=31))).write({"status": 200})
    lines = path.read_bytes().splitlines()
    lines[ROWS // 2] = b'{"n":14'
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    assert verify(tmp_path).broken is not None


def last_row(site: Site) -> dict[str, object]:
    return list(rows_of(site.settings.audit_dir))[-1]


def test_each_request_is_one_row_with_who_what_and_how_many_households(own_site: Site) -> None:
    answer = own_site.client.get(
        "/api/v1/risk-list",
        params={"limit": 7, "tier": "none", "region": made_up.VILLAGES[0]},
        headers={**own_site.headers(Role.TOWNSHIP, made_up.VILLAGES[0][:9]), "X-Request-ID": "desk-1"},
    )
    shown = len(answer.json()["items"])
    assert shown
    row = last_row(own_site)
    assert row | {"n": 0, "prev": "", "hash": "", "token": 0, "ms": 0} == {
        "n": 0,
        "prev": "",
        "time": "2024-03-01T01:00:00Z",
        "request_id": "desk-1",
        "token": 0,
        "user": None,
        "role": "township",
        "region": made_up.VILLAGES[0][:9],
        "method": "GET",
        "route": "/api/v1/risk-list",
        "path": {},
        "query": {"limit": "7", "tier": "none", "region": made_up.VILLAGES[0]},
        "status": 200,
        "households": shown,
        "ms": 0,
        "hash": "",
    }
    rows = len(list(rows_of(own_site.settings.audit_dir)))
    for path in ("/healthz", "/readyz", "/static/x.css"):
        own_site.client.get(path)
    assert len(list(rows_of(own_site.settings.audit_dir))) == rows
    for path, status in (("/api/v1/summary", 401), ("/api/v1/nowhere", 404)):
        own_site.client.get(path, headers=own_site.headers() if status == 404 else {})
        assert (last_row(own_site)["status"], last_row(own_site)["households"]) == (status, 0)
    assert verify(own_site.settings.audit_dir).broken is None


def test_scored_households_are_counted(own_site: Site, households: list[made_up.Household]) -> None:
    body = {"as_of": "2023-12-31", "households": households[:60]}
    answer = own_site.client.post("/api/v1/scores", json=body, headers=own_site.headers())
    assert last_row(own_site)["households"] == len(answer.json()["items"]) == 60


def test_no_plain_id_or_name_reaches_the_log(own_site: Site) -> None:
    for plain, query in (("1234567", "search=1234567"), ("520523101001", "search=520523101001")):
        own_site.client.get(f"/api/v1/households/{plain}?{query}", headers=own_site.headers())
        row = last_row(own_site)
        assert row["path"] == {"household_id": pseudonym(load_key(own_site.settings.pseudonym_key), plain)}
        assert row["query"] == {"search": "…"}
    plain = "99000019900101123X"
    key = load_key(own_site.settings.pseudonym_key)
    access = AccessLog(own_site.client.app, AuditLog(own_site.settings.audit_dir, now), own_site.settings.pseudonym_key)
    scope = {"method": "GET", "path_params": {"household_id": plain, "list": 3}, "query_string": f"search={plain}&{plain}=1".encode()}
    trace.begin("")
    row = access._row(scope, 200, 0.1)
    assert row["path"] == {"household_id": pseudonym(key, plain), "list": "3"}
    assert plain not in json.dumps(row)
    own_site.client.get(f"/api/v1/households/{plain}", params={"name": "王芳", "wangfang": "x"}, headers=own_site.headers())
    content = b"".join(path.read_bytes() for path in own_site.settings.audit_dir.iterdir())
    assert plain.encode() not in content
    assert "王芳".encode() not in content
    assert b'wangfang":"x' not in content


@given(st.binary(max_size=60))
def test_any_query_is_noted_without_what_was_typed(query: bytes) -> None:
    for name, value in harmless_query(query).items():
        assert value == "…" or value.isdigit() or all(letter in "0123456789abcdefghijklmnopqrstuvwxyz_-" for letter in value)
        assert name == "…" or name.replace("_", "a").isalpha()


def test_a_query_of_very_many_parameters_is_noted_like_any_other(own_site: Site) -> None:
    answer = own_site.client.get("/api/v1/summary?" + "&".join(["by=town"] + ["a=1"] * 500), headers=own_site.headers())
    assert answer.headers["content-type"].endswith("json")
    assert last_row(own_site)["query"] == {"by": "town", "a": "1"}
    assert last_row(own_site)["status"] == answer.status_code == 422


def test_a_row_that_cannot_be_made_keeps_the_answer_back_in_the_one_shape(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("something that nobody foresaw")

    monkeypatch.setattr(AuditLog, "write", broken)
    answer = own_site.client.get("/api/v1/risk-list", headers=own_site.headers())
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    monkeypatch.setattr(AccessLog, "__call__", broken)
    answer = own_site.client.get("/api/v1/risk-list", headers=own_site.headers())
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")


def test_whoever_floods_the_service_does_not_fill_the_log(own_site: Site) -> None:
    def statuses(path: str, asked: int = 9, **headers: str) -> list[object]:
        before = len(list(rows_of(own_site.settings.audit_dir)))
        for _ in range(asked):
            client.get(path, headers=headers)
        return [row["status"] for row in list(rows_of(own_site.settings.audit_dir))[before:]]

    limits = {"stranger_limit": 5, "sign_in_limit": 2, "rate_limit": 3}
    with TestClient(create_app(own_site.settings.model_copy(update=limits), clock=now)) as client:
        assert statuses("/api/v1/summary", **own_site.headers()) == [200, 200, 200, 429]
        assert statuses("/api/v1/summary", asked=3) == [401, 401, 401]
        assert statuses("/sign-in") == [200, 200, 429]
        assert statuses("/api/v1/summary", Authorization="Bearer fp_x") == [401, 401]
        assert client.get("/sign-in").headers["ratelimit-policy"] == '"requests-without-token";q=5;w=60'
        assert [client.get("/healthz").status_code for _ in range(9)] == [200] * 9
        assert client.get("/sign-in", headers=own_site.headers()).status_code == 200


def test_rows_are_written_while_the_chain_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = filled(tmp_path)
    walk = audit._walk

    def meanwhile(*what: Any) -> Any:
        log.write({"status": 200})
        return walk(*what)

    monkeypatch.setattr(audit, "_walk", meanwhile)
    told = verify(tmp_path)
    assert (told.broken, told.rows) == (None, ROWS)


def test_without_the_log_nothing_is_shown_and_with_it_again_all_is(own_site: Site) -> None:
    folder = own_site.settings.audit_dir
    headers = own_site.headers()
    assert own_site.client.get("/api/v1/risk-list", headers=headers).status_code == 200
    folder.rename(folder.with_name("away"))
    folder.write_text("a file stands where the folder should be")
    (folder.with_name("away") / HEAD).unlink()
    for _ in range(3):
        answer = own_site.client.get("/api/v1/risk-list", headers=headers)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert "items" not in answer.json()
    assert own_site.client.get("/healthz").status_code == 200
    folder.unlink()
    assert own_site.client.get("/api/v1/risk-list", headers=headers).status_code == 200


def test_whatever_shows_households_says_how_many(own_site: Site) -> None:
    headers = own_site.headers()
    first = own_site.client.get("/api/v1/risk-list?limit=3", headers=headers).json()["items"][0]["household_id"]
    asked = {
        f"/api/v1/households/{first}": 1,
        f"/api/v1/households/{first}/visits": 1,
        "/api/v1/risk-list?limit=5": 5,
        "/": 50,
        f"/households/{first}": 1,
    }
    for path, shown in asked.items():
        answer = own_site.client.get(path, headers=headers)
        assert answer.status_code == 200, path
        assert last_row(own_site)["households"] == shown, path
    whole = own_site.client.get("/api/v1/risk-list?format=csv", headers=headers).text.count("\n") - 1
    rows = [row for row in rows_of(own_site.settings.audit_dir) if row.get("query") == {"format": "csv"} or "households_more" in row]
    noted = sum(row.get("households_more", 0) + row.get("households", 0) for row in rows)
    assert noted == whole > 100
