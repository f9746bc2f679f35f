"""What must stay true of the files themselves."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("features", "models", "training", "service")
CORE = ("features", "models")
LONGEST_FILE = 420
VAGUE_NAMES = {"utils.py", "common.py", "helpers.py", "base.py", "misc.py"}
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMES = [path.relative_to(ROOT).as_posix() for path in SOURCES]


def tracked() -> list[Path]:
    """Every file of the repository; outside a clone, every file of the packages, tests and docs."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [path for folder in (*PACKAGES, "tests", "docs") for path in (ROOT / folder).rglob("*") if path.is_file()]


def imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_features_models_training_and_service_keep_to_the_import_rule() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_no_file_loads_code_from_data(path: Path) -> None:
    assert imported(path).isdisjoint({"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"})


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_files_are_short_and_named_by_what_they_hold(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    assert path.name not in VAGUE_NAMES


@pytest.mark.parametrize("path", [path for path in SOURCES if path.relative_to(ROOT).parts[0] in CORE], ids=str)
def test_the_core_reads_no_clock_and_no_environment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(date\.today|datetime\.now|utcnow|time\.time|os\.environ|getenv)\b", text)


def test_serving_starts_without_what_only_commands_need() -> None:
    """pandas, pyarrow and, where it is installed, scikit-learn are loaded by LightGBM itself."""
    heavy = ("mlflow", "optuna", "pandera", "plotly", "xlsxwriter", "python_calamine")
    code = f"import sys, service.__main__, service.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_file_names_a_machine_or_a_download_host() -> None:
    hosts = "|".join(("files.python" + "hosted", "pypi" + r"\.org", "pypi" + r"\.python", "npm" + r"js\.", "conda" + r"\.anaconda"))
    paths = "|".join(("/ro" + "ot/", "/wo" + "rk/", "/home/" + r"\w+/", r"C:\\Users"))
    wrong = []
    for path in tracked():
        text = path.read_bytes()
        if b"\0" in text[:4096]:
            continue
        for number, line in enumerate(text.decode("utf-8", errors="replace").splitlines(), start=1):
            if re.search(hosts, line) or re.search(rf"(?<![\w.])({paths})", line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert wrong == []


def test_no_file_holds_an_identity_number_of_a_possible_person() -> None:
    """Made-up people carry the prefix 990000, which no area has."""
    wrong = []
    for path in tracked():
        if path.suffix in {".txt", ".svg", ".lock"}:
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        for found in re.finditer(r"(?<![\w.])[1-8]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w)", text):
            wrong.append(f"{path.relative_to(ROOT)}: {found[0]}")
    assert wrong == []


def test_tests_have_no_package_files_and_are_left_out_only_where_a_programme_is_missing() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert [path for path in tests if path.name == "__init__.py"] == []
    skip = re.compile(r"pytest\.(mark\.)?(" + "sk" + r"ip|xfail)|importor" + "skip")
    assert {path.name for path in tests if skip.search(path.read_text(encoding="utf-8"))} <= {"postgres.py", "chromium.py"}
