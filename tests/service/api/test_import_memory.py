"""A file that was made to burst costs its own upload: the worker's memory is bounded, and those that wait behind it are worked off."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import xlsxwriter

from service.import_jobs import IN_BUT_NO_LIST
from service.importing import make_key
from service.settings import Settings
from tests.service import made_up
from tests.service.sites import Backend, Site, running

MEGABYTES = 1024
PATIENCE_SECONDS = 180


@pytest.fixture
def tight_site(tmp_path: Path, backend: Backend, empty: Settings) -> Iterator[Site]:
    """A running service whose worker gets little memory."""
    with backend.copy(empty, tmp_path / "site") as settings, running(settings, import_memory_mb=MEGABYTES) as site:
        make_key(settings.pseudonym_key)  # a secret one: files that do not call themselves made-up are refused under the demonstration's
        yield site


def workbook(last_row: int, last_column: int) -> bytes:
    """A heading, and a cell far from it."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet("户")
    sheet.write(0, 0, "户编号")
    sheet.write(last_row, last_column, "x")
    book.close()
    return out.getvalue()


def swollen() -> bytes:
    """A Parquet table of 60 million equal rows in some kilobytes."""
    part = pa.table({"household_id": pa.array(["990000"]).take(pa.array([0] * 1_000_000))})
    inside, out = io.BytesIO(), io.BytesIO()
    with pyarrow.parquet.ParquetWriter(inside, part.schema) as writer:
        for _ in range(60):
            writer.write_table(part)
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("households.parquet", inside.getvalue())
    return out.getvalue()


def plain(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in made_up.write_register(folder, made_up.county(3)).iterdir():
            archive.write(path, path.name)
    return out.getvalue()


def test_what_bursts_fails_with_a_reason_and_the_next_upload_is_worked_off(tight_site: Site, tmp_path: Path) -> None:
    headers = tight_site.headers()
    files = {
        "far.xlsx": workbook(1_048_575, 16_383),
        "swollen.zip": swollen(),
        "wide.xlsx": workbook(899_999, 10),  # just few enough cells, and more than fit beside everything else: its reader aborts
        "good.zip": plain(tmp_path / "register"),
    }
    assert max(map(len, files.values())) < 1024 * 1024
    places = []
    for name, content in files.items():
        taken = tight_site.client.post("/api/v1/imports?score=false", headers=headers, files={"file": (name, content)})
        assert taken.status_code == 202, taken.text
        places.append(taken.headers["Location"])
    until = time.monotonic() + PATIENCE_SECONDS
    jobs: dict[str, Any] = {}
    while len(jobs) < len(places):
        found = [tight_site.client.get(place, headers=headers).json() for place in places]
        jobs = {job["file_name"]: job for job in found if job["state"] in ("done", "failed")}
        assert time.monotonic() < until, found
        time.sleep(0.2)
    assert {name: job["state"] for name, job in jobs.items()} == dict.fromkeys(files, "failed") | {"good.zip": "done"}
    assert "XFD1048576" in jobs["far.xlsx"]["error"]
    for name in ("swollen.zip", "wide.xlsx"):
        assert "split it by town or year" in jobs[name]["error"]
        assert IN_BUT_NO_LIST not in jobs[name]["error"]
    assert "FANGPIN_IMPORT_MEMORY_MB" in jobs["swollen.zip"]["error"]
    assert jobs["good.zip"]["households"] == 3
