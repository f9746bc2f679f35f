"""An upload is taken in at once, worked off by another process, and tells how far it is and what was wrong."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from features.errors import Problem
from features.template import write_workbook
from service import import_jobs
from service.auth import Role
from service.clock import stamp
from service.import_jobs import resume, upload_of
from service.storage import job_store
from service.storage.register_store import load_register
from service.storage.score_store import active
from service.storage.tables import imports
from tests.service import made_up
from tests.service.sites import Site, now

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PATIENCE_SECONDS = 90


def packed(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in folder.rglob("*"):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()


def newcomers(tmp_path: Path, count: int = 3, **info: Any) -> Path:
    households = made_up.county(count, seed=99)
    for place, one in enumerate(households):
        one["household_id"] = f"9911{place:06d}"
    return made_up.write_register(tmp_path / "new", households, **info)


def ended(site: Site, location: str, headers: dict[str, str]) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        job: dict[str, Any] = site.client.get(location, headers=headers).json()
        if job["state"] in ("done", "failed"):
            return job
        time.sleep(0.2)
    raise AssertionError(f"the import did not end: {job}")


def test_an_upload_becomes_a_new_list_by_itself(own_site: Site, tmp_path: Path) -> None:
    headers = own_site.headers()
    with own_site.database.reading() as connection:
        before = active(connection)
    assert before is not None
    period = {"period_start": "2023-01", "period_end": "2023-03", "known_on": "2023-05-01"}
    stray = {"household_id": "nobody", "source": "wage", "amount": 1.0, **period}
    folder = newcomers(tmp_path)
    made_up.write_register(folder, made_up.county(3, seed=99), {"incomes": [stray]})
    taken = own_site.client.post("/api/v1/imports", headers=headers, files={"file": ("三月.zip", packed(folder), "application/zip")})
    assert taken.status_code == 202, taken.text
    assert taken.json()["state"] == "waiting"
    job = ended(own_site, taken.headers["Location"], headers)
    assert (job["state"], job["error"], job["percent"], job["file_name"]) == ("done", None, 100, "三月.zip")
    assert job["tables"]["households"]["new"] == 3
    assert (job["rows_left_out"], job["findings_count"]) == (1, 1)
    assert (job["findings"][0]["table"], job["findings"][0]["row"], job["findings"][0]["column"]) == ("incomes", 1, "household_id")
    with own_site.database.reading() as connection:
        current = active(connection)
    assert current is not None
    assert current.list_version == job["list_version"] != before.list_version
    assert list(own_site.settings.uploads_dir.iterdir()) == []
    lines = list(
        csv.reader(io.StringIO(own_site.client.get(taken.headers["Location"] + "?format=csv", headers=headers).text.lstrip("\ufeff")))
    )
    assert lines[0] == ["table", "row", "column", "reason", "remedy"]
    assert lines[1][:3] == ["incomes", "1", "household_id"]
    listed = own_site.client.get("/api/v1/imports", headers=headers).json()["items"]
    assert [item["id"] for item in listed] == [job["id"]]


def test_a_dry_run_of_a_workbook_tells_and_changes_nothing(own_site: Site, tmp_path: Path) -> None:
    headers = own_site.headers()
    book = tmp_path / "book.xlsx"
    row = {"village_code": made_up.VILLAGES[0], "registry_status": "ordinary", "valid_from": "2020-01-01", "known_on": "2020-01-02"}
    with own_site.database.reading() as connection:
        info = load_register(connection).info
    write_workbook(
        book, {"households": [row | {"household_id": "=1+1"}, row | {"household_id": "b", "village_code": "611025101001"}]}, info
    )
    taken = own_site.client.post("/api/v1/imports?dry_run=true", headers=headers | {"Content-Type": XLSX}, content=book.read_bytes())
    job = ended(own_site, taken.headers["Location"], headers)
    assert (job["state"], job["changed"], job["import_id"], job["list_version"]) == ("done", True, None, None)
    assert job["households_new"] == 1
    assert [(found["table"], found["row"], found["column"]) for found in job["findings"]] == [("户", 4, "village_code")]
    with own_site.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(imports)).scalar_one() == 1


def test_an_upload_that_cannot_be_used_is_a_failed_job_with_a_reason(own_site: Site, tmp_path: Path) -> None:
    headers = own_site.headers()
    folder = newcomers(tmp_path, county="611025")
    content = packed(folder)
    taken = own_site.client.post("/api/v1/imports", headers=headers, files={"file": ("a.zip", content)})
    job = ended(own_site, taken.headers["Location"], headers)
    assert job["state"] == "failed"
    assert "611025" in job["error"]
    assert str(tmp_path) not in job["error"]
    assert list(own_site.settings.uploads_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("application/zip", b"not a zip", 415),
        ("text/csv", b"household_id\n", 415),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n--x--\r\n', 422),
        ("multipart/form-data; boundary=x", b"garbage", 400),
    ],
)
def test_what_is_no_upload_is_refused_at_once(site: Site, kind: str, content: bytes, status: int) -> None:
    answer = site.client.post("/api/v1/imports", headers=site.headers() | {"Content-Type": kind}, content=content)
    assert answer.status_code in (status, 422 if status == 400 else status), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert site.client.get("/api/v1/imports", headers=site.headers()).json()["items"] == []
    assert not site.settings.uploads_dir.exists() or list(site.settings.uploads_dir.glob("*a*")) == []


def test_too_large_an_upload_is_refused(site: Site) -> None:
    content = b"0" * (site.settings.max_body_mb * 1024 * 1024 + 1)
    answer = site.client.post("/api/v1/imports", headers=site.headers() | {"Content-Type": "application/zip"}, content=content)
    assert answer.status_code == 413
    assert not list(site.settings.uploads_dir.glob("arriving-*"))


def add_job(site: Site, region: str = made_up.COUNTY) -> int:
    asked = job_store.Asked("a.zip", dry_run=False, mode="update", months=36, score=False, region=region, asked_by="test")
    with site.database.writing() as connection:
        return job_store.add_job(connection, asked, stamp(now()), 10)


def test_a_job_of_another_county_is_as_unknown_as_none(own_site: Site) -> None:
    number = add_job(own_site, "611025")
    assert own_site.client.get(f"/api/v1/imports/{number}", headers=own_site.headers()).status_code == 404
    assert own_site.client.get("/api/v1/imports", headers=own_site.headers()).json()["items"] == []
    other = own_site.headers(Role.COUNTY, "611025")
    assert own_site.client.get(f"/api/v1/imports/{number}", headers=other).status_code == 200


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.COUNTY])
def test_only_the_county_brings_data_in(site: Site, role: Role) -> None:
    region = made_up.VILLAGES[0][: {Role.TOWNSHIP: 9, Role.VILLAGE: 12}.get(role, 6)]
    headers = site.headers(role, region)
    assert site.client.post("/api/v1/imports", headers=headers | {"Content-Type": "application/zip"}, content=b"x").status_code == 403
    assert site.client.get("/api/v1/imports", headers=headers).status_code == 403
    assert site.client.get("/api/v1/imports/1", headers=headers).status_code == 403


def test_findings_come_by_table_row_and_column_a_page_at_a_time(own_site: Site) -> None:
    number = add_job(own_site)
    problems = [Problem("incomes", row, "amount", f"=cmd {row}", "correct it") for row in (3, 1, 2)] + [
        Problem("households", 9, None, "r", "m")
    ]
    with own_site.database.writing() as connection:
        job_store.keep_findings(connection, number, problems)
    headers, path = own_site.headers(), f"/api/v1/imports/{number}"
    first = own_site.client.get(f"{path}?limit=3", headers=headers).json()
    assert [(found["table"], found["row"]) for found in first["findings"]] == [("households", 9), ("incomes", 1), ("incomes", 2)]
    second = own_site.client.get(f"{path}?limit=3&cursor={first['next_cursor']}", headers=headers).json()
    assert ([found["row"] for found in second["findings"]], second["next_cursor"]) == ([3], None)
    assert len(own_site.client.get(f"{path}?table=households", headers=headers).json()["findings"]) == 1
    assert "'=cmd 1" in own_site.client.get(f"{path}?format=csv", headers=headers).text


def test_a_job_that_a_dead_process_left_behind_is_failed_and_the_queue_goes_on(own_site: Site, tmp_path: Path) -> None:
    """What happens at the next start of the service: one upload was being worked on when the machine went down, another one waited."""
    dead, waiting = add_job(own_site), add_job(own_site)
    own_site.settings.uploads_dir.mkdir(exist_ok=True)
    for number in (dead, waiting):
        upload_of(own_site.settings, number).write_bytes(packed(newcomers(tmp_path)))
    with own_site.database.writing() as connection:
        begun = job_store.begin_next(connection)
    assert begun is not None
    assert begun.id == dead
    assert resume(own_site.settings, own_site.database)
    headers = own_site.headers()
    assert ended(own_site, f"/api/v1/imports/{waiting}", headers)["state"] == "done"
    left = own_site.client.get(f"/api/v1/imports/{dead}", headers=headers).json()
    assert left["state"] == "failed"
    assert "upload it again" in left["error"]
    assert list(own_site.settings.uploads_dir.iterdir()) == []
    assert not resume(own_site.settings, own_site.database)


def test_a_job_killed_while_its_list_was_made_says_that_the_data_are_in(own_site: Site) -> None:
    dead = add_job(own_site)
    with own_site.database.writing() as connection:
        job_store.begin_next(connection)
        job_store.tell_import(connection, dead, 1)
    assert resume(own_site.settings, own_site.database)
    left = ended(own_site, f"/api/v1/imports/{dead}", own_site.headers())
    assert (left["state"], left["import_id"]) == ("failed", 1)
    assert "the data are in" in left["error"]
    assert "nothing was changed" not in left["error"]


def test_files_that_a_kill_left_on_their_way_go_and_those_of_others_stay(own_site: Site) -> None:
    folder = own_site.settings.uploads_dir
    (folder / "unpacked-old").mkdir(parents=True)
    for name in ("arriving-old", "arriving-new", "unpacked-old/households.csv"):
        (folder / name).write_text("990000199003074514")
    for name in ("arriving-old", "unpacked-old"):
        os.utime(folder / name, (0, 0))
    import_jobs._clear_up(own_site.settings, own_site.database, now)
    assert [path.name for path in folder.iterdir()] == ["arriving-new"]


def test_nothing_that_stood_in_a_cell_is_kept_with_a_finding(own_site: Site) -> None:
    number = add_job(own_site)
    said = [
        Problem("members", 1, "sex", "'张三\\'s' is not a known code 未知代码; allowed 允许: male 男", "correct it"),
        Problem("990000199003074514", 2, "13800138000", "a\0b 138 0013 8000", "\0"),
    ]
    with own_site.database.writing() as connection:
        job_store.keep_findings(connection, number, said)
    text = own_site.client.get(f"/api/v1/imports/{number}", headers=own_site.headers()).text
    assert "is not a known code" in text
    for private in ("张三", "990000199003074514", "13800138000", "138 0013 8000"):
        assert private not in text


def test_a_killed_import_changes_nothing_and_the_next_one_succeeds(own_site: Site, tmp_path: Path) -> None:
    folder = made_up.write_register(tmp_path / "many", made_up.county(1500, seed=5))
    number = add_job(own_site)
    own_site.settings.uploads_dir.mkdir(exist_ok=True)
    upload_of(own_site.settings, number).write_bytes(packed(folder))
    given = {f"FANGPIN_{name.upper()}": str(value) for name, value in own_site.settings.model_dump().items()}
    process = subprocess.Popen([sys.executable, "-m", "service", "run-imports"], env={**import_jobs.os.environ, **given})
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with own_site.database.reading() as connection:
            if connection.execute(select(imports.c.id).where(imports.c.imported_at.is_(None))).one_or_none():
                break
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.kill()
    process.wait()
    with own_site.database.reading() as connection:
        assert len(load_register(connection)) == 400
        assert connection.execute(select(func.count()).select_from(imports)).scalar_one() == 2
    shutil.copytree(folder, tmp_path / "again")
    taken = own_site.client.post(
        "/api/v1/imports?score=false&mode=replace", headers=own_site.headers(), files={"file": ("a.zip", packed(tmp_path / "again"))}
    )
    job = ended(own_site, taken.headers["Location"], own_site.headers())
    assert (job["state"], job["households"]) == ("done", 1500)
    with own_site.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(imports)).scalar_one() == 2
        assert len(load_register(connection)) == 1500
    assert own_site.client.get(f"/api/v1/imports/{number}", headers=own_site.headers()).json()["state"] == "failed"
