"""What is said and kept of a file that cannot be used tells where and why, and quotes nothing that stands in it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import xlsxwriter
from sqlalchemy import select

from features.errors import Problem, RegisterError
from features.folder import read_info
from features.read import read_register
from service.clock import stamp
from service.import_jobs import upload_of
from service.importing import make_key
from service.redaction import without_cell
from service.storage import job_store
from service.storage.tables import import_findings, import_jobs
from tests.service import made_up
from tests.service.sites import Site, now

NAME, NUMBER = "王小明", "990000199003074514"
HEADER = "household_id,village_code,registry_status,valid_from,known_on\n"
GOOD = f"001,{made_up.VILLAGES[0]},ordinary,2020-01-01,2020-01-02\n"
SHEET = "xl/worksheets/sheet1.xml"
Where = tuple[str, int | None, str | None]


def parquet(column: pa.Array) -> bytes:
    """A table of households with a column that is none of its kind."""
    size = len(column)
    columns = {name: pa.array([value] * size) for name, value in zip(HEADER.strip().split(","), GOOD.strip().split(","), strict=True)}
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns | {"hukou_size": column}), out)
    return out.getvalue()


TABLES: dict[str, tuple[bytes, Where | None]] = {
    "a cell too many": ((HEADER + GOOD + GOOD.strip() + f",{NAME},{NUMBER}\n").encode(), ("households", 3, None)),
    "another encoding": (HEADER.encode() + GOOD.encode() + f"{NAME},{NUMBER}\n".encode("gbk"), ("households", 3, None)),
    "an open quote": ((HEADER + GOOD + f'002,"{NAME},{NUMBER}\n').encode(), ("households", 3, None)),
    "no header": (f"{NAME},{NUMBER}\n".encode(), ("households", None, "village_code")),
    "cells of the wrong kind": ((HEADER + f"001,{made_up.VILLAGES[0]},{NAME},{NUMBER},{NAME}\n").encode(), ("households", 2, "known_on")),
}
PARQUETS: dict[str, tuple[bytes, Where | None]] = {
    "no Parquet": (f"PAR1{NAME}{NUMBER}PAR1".encode(), ("households", None, None)),
    "a list of names": (parquet(pa.array([[NAME, NUMBER]])), ("households", None, "hukou_size")),
    "bytes": (parquet(pa.array([b"Wang Xiaoming", NUMBER.encode()])), ("households", None, "hukou_size")),
    "text that is no number": (parquet(pa.array([NAME, NUMBER])), ("households", 1, "hukou_size")),
}
DESCRIPTIONS: dict[str, tuple[bytes, Where]] = {
    "no YAML": (f"county: '520523'\n{NAME}: [{NUMBER}\n".encode(), ("register.yaml", 3, None)),
    "a tag": (f"county: !{NAME} {NUMBER}\n".encode(), ("register.yaml", 1, None)),
    "an unknown entry": (f"county: '520523'\n{NAME}{NUMBER}: 1\n".encode(), ("register.yaml", 2, None)),
    "an end that is no day": (f"known_until: {NAME} {NUMBER}\n".encode(), ("register.yaml", 1, "known_until")),
    "an end that no month has": (b"note: x\nknown_until: 2023-02-31\n", ("register.yaml", None, None)),
    "no county": (f"county: {NAME} {NUMBER}\n".encode(), ("register.yaml", 1, "county")),
    "an indicator of another shape": (f"indicators:\n- {{{NAME}: {NUMBER}}}\n".encode(), ("register.yaml", 1, "indicators")),
    "one entry only": (f"{NAME} {NUMBER}\n".encode(), ("register.yaml", 1, None)),
    "another encoding": (f"note: {NAME}\n".encode("gbk"), ("register.yaml", None, None)),
}


def zipped(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def workbook(cells: dict[str, list[list[str]]], *, broken: bool = False) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    for name, rows in cells.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    if not broken:
        return out.getvalue()
    with zipfile.ZipFile(out) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts[SHEET].replace(b"</sheetData>", f'<row><c t="{NAME}{NUMBER}"><v>{NAME}</v></c></row></sheetData>'.encode())
    return zipped(*(parts | {SHEET: text}).items())


LEDGER = [["户编号", "行政村代码", "户类型", "生效日期", "知悉日期"], ["001", made_up.VILLAGES[0], "一般农户", "2020-01-01", "2020-01-02"]]
WORKBOOKS: dict[str, tuple[bytes, Where | None]] = {
    "a cell of no kind": (workbook({"户": LEDGER}, broken=True), None),
    "an end that is no day": (workbook({"说明": [["数据截止日期", f"{NAME}{NUMBER}"]], "户": LEDGER}), ("说明", None, "数据截止日期")),
    "no county": (workbook({"说明": [["县代码", f"{NAME}{NUMBER}"]], "户": LEDGER}), ("说明", None, "县代码")),
    "an indicator's direction": (
        workbook({"户": LEDGER, "指标定义": [["指标名"], ["a", "", "", NAME]]}),
        ("指标定义", 2, "风险方向(1/-1/0)"),
    ),
    "cells of the wrong kind": (workbook({"户": [LEDGER[0], ["001", made_up.VILLAGES[0], NAME, NUMBER, NAME]]}), ("户", 2, "known_on")),
}
FILES: dict[str, tuple[bytes, Where | None]] = {
    **{f"csv, {what}": (zipped(("households.csv", content)), where) for what, (content, where) in TABLES.items()},
    **{f"parquet, {what}": (zipped(("households.parquet", content)), where) for what, (content, where) in PARQUETS.items()},
    **{
        f"yaml, {what}": (zipped(("households.csv", (HEADER + GOOD).encode()), ("register.yaml", content)), where)
        for what, (content, where) in DESCRIPTIONS.items()
    },
    **{f"workbook, {what}": case for what, case in WORKBOOKS.items()},
}


def test_no_outcome_finding_or_log_line_of_an_upload_quotes_its_file(empty_site: Site) -> None:
    settings = empty_site.settings
    settings.uploads_dir.mkdir(exist_ok=True)
    make_key(settings.pseudonym_key)  # a secret one: files that do not call themselves made-up are refused under the demonstration's
    jobs: dict[int, str] = {}
    for what, (content, _) in FILES.items():
        asked = job_store.Asked(what, dry_run=True, mode="update", months=36, score=False, region=made_up.COUNTY, asked_by="test")
        with empty_site.database.writing() as connection:
            job = job_store.add_job(connection, asked, stamp(now()), 10)
        upload_of(settings, job).write_bytes(content)
        jobs[job] = what
    given = {f"FANGPIN_{name.upper()}": str(value) for name, value in settings.model_dump().items()}
    worker = subprocess.run(
        [sys.executable, "-m", "service", "run-imports"], env={**os.environ, **given}, capture_output=True, text=True, check=True
    )
    with empty_site.database.reading() as connection:
        ended = connection.execute(select(import_jobs)).all()
        findings = connection.execute(select(import_findings)).all()
    assert {job.state for job in ended} <= {"done", "failed"}
    kept = [json.dumps([tuple(row) for row in rows], ensure_ascii=False) for rows in (ended, findings)]
    for text in (*kept, worker.stdout, worker.stderr):
        for private in (NAME, NUMBER, NUMBER[:14], ascii(NAME)[1:-1], "Xiaoming", str(settings.uploads_dir)):
            assert private not in text, text
    assert "failed:" not in worker.stderr  # each was foreseen
    said = {what: [(f.table_name, f.row, f.column_name) for f in findings if f.job_id == job] for job, what in jobs.items()}
    for job in ended:
        error, where = json.loads(job.outcome).get("error"), FILES[jobs[job.id]][1]
        assert error or said[jobs[job.id]], jobs[job.id]
        assert where is None or where in said[jobs[job.id]], (jobs[job.id], error, said[jobs[job.id]])


@pytest.mark.parametrize("what", list(TABLES | PARQUETS))
def test_no_reader_of_tables_quotes_them_when_it_gives_up(tmp_path: Path, what: str) -> None:
    content, _ = (TABLES | PARQUETS)[what]
    (tmp_path / ("households.csv" if what in TABLES else "households.parquet")).write_bytes(content)
    try:
        problems = read_register(tmp_path, None).problems
        said = ""
    except RegisterError as refused:
        problems, said = refused.problems, str(refused)
    said += "".join(without_cell(problem.reason) + (problem.column or "") for problem in problems)
    assert not [private for private in (NAME, NUMBER, "Xiaoming") if private in said and what != "no header"]


@pytest.mark.parametrize("what", list(DESCRIPTIONS))
def test_a_description_is_refused_by_line_and_entry(tmp_path: Path, what: str) -> None:
    content, (table, line, entry) = DESCRIPTIONS[what]
    (tmp_path / "register.yaml").write_bytes(content)
    with pytest.raises(RegisterError) as refused:
        read_info(tmp_path)
    assert [(problem.table, problem.row, problem.column) for problem in refused.value.problems] == [(table, line, entry)]
    assert NAME not in str(refused.value)
    assert NUMBER not in str(refused.value)


@pytest.mark.parametrize("rest", ["is not a known code 未知代码", "is neither yes nor no", "lies before 1900"])
@pytest.mark.parametrize("cell", [NAME, f"{NAME}'s", f"{NAME} is not a", NAME.encode(), ("Decimal", NUMBER), ("datetime.date", NAME)])
def test_the_cell_goes_and_the_complaint_stays(cell: str | bytes | tuple[str, str], rest: str) -> None:
    quoted = f"{cell[0]}({cell[1]!r})" if isinstance(cell, tuple) else repr(cell)
    assert without_cell(f"{quoted} {rest}") == f"此格 the cell {rest}"


def test_a_complaint_that_quotes_nothing_stays_as_it_is() -> None:
    problem = Problem("incomes", 1, "amount", "outside 0 … 1 yuan 超出允许范围", "correct the cell 请更正")
    assert without_cell(problem.reason) == problem.reason
