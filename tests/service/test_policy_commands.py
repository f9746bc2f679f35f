"""python -m service policy: what is in force where, and whether the files that a county wrote can be used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from features.policy.packs import COUNTIES
from tests.service.commands import Done, run_command

Run = Callable[..., Done]
GOOD = """region: "450422"
zh: 藤县
en: Teng
profiles: [medical_d, disaster]
parameters:
  monitoring_line:
    - {from: 2023-01-01, value: 7500, grade: proposal, reference: "县里填写 [/given by the county]"}
blockers:
  - {id: no_measure, zh: 未落实帮扶措施, en: No help, population: monitored,
     when: {fact: measures_given, less_than: 2}, reference: 某文件, grade: proposal}
cohorts:
  - {id: hail, zh: 雹灾户, en: Hit by hail, when: {fact: disasters, at_least: 1}, reference: 某文件, grade: proposal}
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `python -m service policy …`; gives exit code, output and errors."""
    return partial(run_command, capsys, "policy")


def test_a_good_file_is_told_by_what_it_adds(run: Run, tmp_path: Path) -> None:
    (tmp_path / "450422.yaml").write_text(GOOD, encoding="utf-8")
    code, out, err = run("check", str(tmp_path))
    assert (code, err) == (0, "")
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:4]] for line in out.splitlines() if len(cells := line.split("│")) == 5}
    assert rows == {
        "cohorts": ["hail", ""],
        "blockers": ["", "no_measure"],
        "monitoring_line": ["2023-01-01: 7500", ""],
        "profiles": ["medical_d, disaster", ""],
    }


def test_what_the_shipped_file_said_and_this_one_does_not_is_told_as_lost(run: Run, tmp_path: Path) -> None:
    (tmp_path / "450422.yaml").write_text(GOOD, encoding="utf-8")
    _, out, _ = run("check", str(tmp_path))
    (lost,) = [line for line in out.splitlines() if "不再适用 falls away" in line]
    for name in ("gaps: floor, floor_monitored", "disability_nursing_mental", "building_begun", "industry"):
        assert name in lost
    own = "\nundefined:\n  ours: {zh: 某, en: Ours, reference: 某文件}\n"
    (tmp_path / "450422.yaml").write_text((COUNTIES / "450422.yaml").read_text(encoding="utf-8") + own, encoding="utf-8")
    assert "falls away" not in run("check", str(tmp_path))[1]


def test_a_department_that_nobody_knows_is_told(run: Run, tmp_path: Path) -> None:
    rule = "  - {id: %s, profile: disaster, department: %s, risk: disaster, period: month, %s}"
    source = "zh: 雹, en: Hail, when: {fact: disasters, at_least: 1}, reference: 某文件, grade: proposal"
    written = [GOOD, "triggers:", rule % ("mended", "应急管理局", source), rule % ("typed", "应及管理局", source), ""]
    (tmp_path / "450422.yaml").write_text("\n".join(written), encoding="utf-8")
    code, out, err = run("check", str(tmp_path))
    assert (code, err) == (0, "")
    (told,) = [line for line in out.splitlines() if "without an English name" in line]
    assert told.endswith(": 应及管理局")


def test_every_fault_is_told_with_file_and_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "450422.yaml").write_text(
        GOOD.replace("fact: disasters", "fact: floods").replace("medical_d", "medical_z"), encoding="utf-8"
    )
    (tmp_path / "611025.yaml").write_text(
        'region: "611025"\nzh: 镇安\nen: Zhen\'an\ncolour: [/red]\ngaps:\n  - {id: a}\n', encoding="utf-8"
    )
    (tmp_path / "450423.yaml").write_text('region: "450422"\nzh: 某县\nen: Some\ncohorts: &none []\ngaps: *none\n', encoding="utf-8")
    (tmp_path / "450424.yaml").write_bytes("zh: 镇安县".encode("gbk"))
    (tmp_path / "450425.yaml").write_text("", encoding="utf-8")
    code, _, err = run("check", str(tmp_path))
    assert code == 2
    assert "Traceback" not in err
    for fault in (
        "450422.yaml:4: profiles.0: no set of rules medical_z",
        "450422.yaml:12: cohorts.0.when: hail: no fact floods",
        "611025.yaml:4: colour: unknown entry 未知条目",
        "611025.yaml:6: gaps.0.reference: is missing 缺少",
        "450423.yaml:5: *none: write it out",
        "450424.yaml:1: is no UTF-8 text",
        "450425.yaml:1: ",
    ):
        assert fault in err


def test_a_folder_without_files_says_what_to_do(run: Run, tmp_path: Path) -> None:
    code, _, err = run("check", str(tmp_path))
    assert code == 2
    assert "docs/counties.md" in err


def test_what_is_in_force_is_shown_with_its_reference(run: Run) -> None:
    code, out, _ = run("show", "--region", "520523", "--date", "2023-06-30")
    assert code == 0
    for word in ("全国 → 金沙县", "7300", "monitoring line", "JS24", "[P46]", "medical_a_exited", "“42”"):
        assert word in out
    assert "medical_b_other" not in out
    assert "大病保险 Serious-illness insurance" in out
    code, out, _ = run("show", "--region", "611025", "--date", "2023-06-30")
    assert (code, "不可评 none" in out) == (0, True)


def test_a_day_that_is_none_is_refused(run: Run) -> None:
    code, _, err = run("show", "--region", "520523", "--date", "soon")
    assert (code, "YYYY-MM-DD" in err) == (2, True)


def test_a_bill_is_settled_layer_by_layer_with_where_the_scheme_comes_from(run: Run) -> None:
    asked = ("bill", "--county", "360821", "--in-list", "18000", "--outside", "2000", "--date", "2017-05-01")
    code, out, err = run(*asked)
    assert (code, err) == (0, "")
    assert "大病医疗商业附加险" in out
    assert "calibrated" in out
    assert "JA9" in out
    assert run(*asked, "--borne", "6000")[1] != out
    code, _, err = run(*asked[:-1], "2001-01-01")
    assert code == 2
    assert "2015-01-01" in err


def test_a_reward_is_told_with_its_cap_and_where_it_is_written(run: Run) -> None:
    asked = ("reward", "--county", "450422", "--name", "industry", "--date", "2020-03-31")
    code, out, err = run(*asked, "--base", "4000")
    assert (code, err) == (0, "")
    assert "4500 元" in out
    assert "TX10" in out
    assert "不可评 none" in run(*asked)[1]
    code, _, err = run("reward", "--county", "450422", "--name", "medal", "--date", "2020-03-31")
    assert (code, "building_finished" in err) == (2, True)
