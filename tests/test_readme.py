"""The README does what it says: its code runs, its commands exist, its links lead somewhere.

Blocks marked `bash` and `python` are run against a small county served for real; in blocks marked `sh` (long or never-ending
commands) every command is checked to exist with the options given; the `json` block's fields are held against a real answer.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from tests.service import made_up

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
READY_WITHIN = 90.0

# For machines without curl: as much of it as the README uses.
CURL = """
import sys, httpx2
url, sent, words = "", {"headers": {}}, iter(sys.argv[1:])
for word in words:
    if word == "-H":
        name, value = next(words).split(": ", 1)
        sent["headers"][name] = value
    elif word == "-d":
        sent["content"] = next(words).encode()
    elif word == "-F":
        name, value = next(words).split("=@", 1)
        sent["files"] = {name: open(value, "rb")}
    elif word != "-s":
        url = word
print(httpx2.request("GET" if sent.keys() == {"headers"} else "POST", url, timeout=30, **sent).text)
"""


def blocks(language: str) -> list[str]:
    """The README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Demo:
    """A folder in which a demo was prepared and is being served."""

    folder: Path
    environment: dict[str, str]
    url: str
    tokens: dict[str, str]

    def run(self, command: list[str]) -> str:
        """Runs a command there and gives what it prints."""
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """What `make demo` prepares, from a county of a few hundred made-up households."""
    folder = tmp_path_factory.mktemp("demo")
    home = folder / "var" / "demo" / "jinsha-25000"
    home.mkdir(parents=True)
    households = made_up.county()
    made_up.write_register(home / "register", households, {})
    made_up.promote(made_up.train(households), folder / "var" / "bundles")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    tools = folder / "tools"
    tools.mkdir()
    if shutil.which("curl") is None:
        (tools / "curl.py").write_text(CURL)
        (tools / "curl").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "{tools}/curl.py" "$@"\n')
        (tools / "curl").chmod(0o755)
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "FANGPIN_DEMO": "1", "OMP_NUM_THREADS": "1"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for command in (["import", str(home / "register")], ["score"]):
        done = subprocess.run(
            [sys.executable, "-m", "service", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    said = folder / "var" / "demo.json"
    with (folder / "served.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", str(port), "--demo-file", "var/demo.json"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + READY_WITHIN
        while not said.exists():
            assert server.poll() is None, (folder / "served.txt").read_text()
            assert time.monotonic() < until, "the demo was not ready in time"
            time.sleep(0.1)
        content = json.loads(said.read_text(encoding="utf-8"))
        yield Demo(folder, environment, content["url"], content["tokens"])
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.mark.parametrize("block", blocks("bash"), ids=lambda block: block.split("\n")[0][:40])
def test_shell_blocks_run(demo: Demo, block: str) -> None:
    printed = demo.run(["bash", "-euo", "pipefail", "-c", block])
    if "curl" in block:
        decoder, text, found = json.JSONDecoder(), printed.strip(), []
        while text:
            answer, end = decoder.raw_decode(text)
            found.append(answer)
            text = text[end:].lstrip()
        assert len(found) == block.count("curl ")
        assert [answer for answer in found if "problem" in answer.get("type", "")] == []
        if "/api/v1/scores" in block:
            listed, counted, scored = found
            assert len(listed["items"]) == 1
            assert counted["total"]["households"] > 0
            assert [item["household_id"] for item in scored["items"]]
            assert scored["errors"] == []


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.split("\n")[0][:40])
def test_python_blocks_run(demo: Demo, block: str) -> None:
    assert demo.run([sys.executable, "-W", "error", "-c", block]).strip()


def test_the_shown_household_has_the_fields_of_a_real_one(demo: Demo) -> None:
    answer = demo.run(["curl", "-s", "-H", f"Authorization: Bearer {demo.tokens['county']}", f"{demo.url}/api/v1/risk-list?limit=1"])
    item = json.loads(answer)["items"][0]
    for block in blocks("json"):
        shown = json.loads(block)
        assert shown.keys() <= item.keys()
        assert shown["causes"][0].keys() == item["causes"][0].keys()


def shell_lines() -> list[str]:
    """The commands of the `sh` blocks."""
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("line", shell_lines())
def test_commands_shown_but_not_run_exist_with_their_options(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(line)
    if words[0] == "make":
        text = (ROOT / "Makefile").read_text(encoding="utf-8")
        for target in words[1:]:
            assert re.search(rf"^{target}:", text, flags=re.MULTILINE), target
        return
    assert words[:2] == ["python", "-m"]
    command = [word for word in words[3:] if re.fullmatch("[a-z]+", word)]
    command = command[: 2 if command[0] == "token" else 1]
    for name, value in {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", [words[2], *command, "--help"])
    with pytest.raises(SystemExit) as ended:
        import_module(f"{words[2]}.cli").main()
    shown = capsys.readouterr()
    assert ended.value.code == 0, shown.err
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.out


def test_the_demo_prints_lines_that_work_when_pasted(demo: Demo) -> None:
    """The three curl lines of `serve --demo-file`, as they stand on the terminal."""
    until = time.monotonic() + 10
    lines: list[str] = []
    while len(lines) < 3 and time.monotonic() < until:
        lines = [line for line in (demo.folder / "served.txt").read_text(encoding="utf-8").splitlines() if line.startswith("curl ")]
        time.sleep(0.1)
    assert len(lines) == 3
    for line in lines:
        assert "items" in json.loads(demo.run(["bash", "-c", line]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not link.startswith("http") and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_named_in_the_pages_exist(page: Path) -> None:
    folders = "features|models|training|service|tests|docs|requirements"
    named = re.findall(rf"`((?:{folders})/[\w/.-]+\.(?:py|md|yaml|txt))`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
