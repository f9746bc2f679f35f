"""The commands, run as a county would run them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from features.__main__ import main as features_command
from features.errors import UserError
from service import demo
from service.api.context import Service
from service.clock import utc_now
from service.safety import check_key
from service.settings import Settings
from service.storage.database import Database
from service.storage.token_store import find_token, revoke_tokens
from tests.service import made_up
from tests.service.commands import Done, run_command
from tests.service.sites import Site, now


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a service that keeps its files under a folder."""
    own = {
        "FANGPIN_DATABASE_URL": f"sqlite:///{folder}/fangpin.db",
        "FANGPIN_BUNDLE_DIR": str(folder / "bundles"),
        "FANGPIN_PSEUDONYM_KEY": str(folder / "pseudonym.key"),
        "FANGPIN_UPLOADS_DIR": str(folder / "uploads"),
        "FANGPIN_AUDIT_DIR": str(folder / "audit"),
    }
    return {**os.environ, **own, **more}


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `python -m service …` on files under tmp_path, in this process: a process of its own would mostly import."""
    for name in [name for name in os.environ if name.startswith("FANGPIN_")]:
        monkeypatch.delenv(name)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)

    def go(*command: str, **more: str) -> Done:
        with monkeypatch.context() as inner:
            for name, value in more.items():
                inner.setenv(name, value)
            return run_command(capsys, *command)

    return go


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_from_a_folder_of_files_to_a_list_over_http(
    run: Run, tmp_path: Path, register_folder: Path, households: list[made_up.Household]
) -> None:
    in_demo = {"FANGPIN_DEMO": "1"}
    assert "promote" in run("score", **in_demo).err
    made_up.promote(made_up.train(households), tmp_path / "bundles")
    assert "import DIR" in run("score", **in_demo).err
    without_key = run("import", str(register_folder))
    assert (without_key.code, "Traceback" in without_key.err) == (2, False)
    imported = run("import", str(register_folder), **in_demo)
    assert imported.code == 0, imported.err
    assert "400" in imported.out
    assert "python -m service score" in imported.out
    assert (tmp_path / "pseudonym.key").stat().st_mode & 0o077 == 0
    scored = run("score", **in_demo)
    assert scored.code == 0, scored.err
    assert "2023-12-31" in scored.out
    file = run("score", "--register", str(register_folder), "--out", str(tmp_path / "out.parquet"), **in_demo)
    assert file.code == 0, file.err
    assert len(pyarrow.parquet.read_table(tmp_path / "out.parquet")) == 400

    port, demo_file = free_port(), tmp_path / "demo.json"
    command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--demo-file", str(demo_file)]
    server = subprocess.Popen(command, env=environment(tmp_path, **in_demo), stdout=subprocess.PIPE, text=True)
    try:
        content = wait_for(demo_file, server)
        with urllib.request.urlopen(f"{content['url']}/readyz", timeout=20) as answer:  # at once: whoever finds the file is answered
            assert json.load(answer) == {"status": "ready"}
        assert demo_file.stat().st_mode & 0o077 == 0
        assert set(content["tokens"]) == {"county", "township", "village", "dashboard"}
        assert content["url"] == f"http://127.0.0.1:{port}"
        check_printed_lines(server)
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)


def test_the_tokens_of_an_earlier_demo_are_used_again_while_they_are_good(own_site: Site, tmp_path: Path) -> None:
    service: Service = own_site.client.app.state.service  # the test client's app is ours
    path = tmp_path / "demo.json"
    first = demo.prepare(service, "http://127.0.0.1:1", path)
    demo.write(path, first)
    assert demo.prepare(service, "http://127.0.0.1:1", path)["tokens"] == first["tokens"]
    with own_site.database.writing() as connection:
        revoke_tokens(connection, now(), label=demo.LABEL)
    assert not set(demo.prepare(service, "http://127.0.0.1:1", path)["tokens"].values()) & set(first["tokens"].values())


def wait_for(path: Path, server: subprocess.Popen[str]) -> dict[str, dict[str, str]]:
    """The content of the demo file once the service is ready."""
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        if path.exists() and path.stat().st_size:
            found: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
            return found
        time.sleep(0.1)
    raise AssertionError("the service did not become ready")


def check_printed_lines(server: subprocess.Popen[str]) -> None:
    """The three lines that were printed work when they are pasted."""
    assert server.stdout is not None
    lines: list[str] = []
    while sum(line.startswith("curl") for line in lines) < 3:
        lines.append(server.stdout.readline())
    for line in (line for line in lines if line.startswith("curl")):
        words = shlex.split(line)
        headers = dict(re.split(r":\s*", words[place + 1], maxsplit=1) for place, word in enumerate(words) if word == "-H")
        url = next(word for word in words if word.startswith("http"))
        data = words[words.index("-d") + 1].encode() if "-d" in words else None
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
            body = json.load(answer)
        assert body["items"], url
        assert not body.get("errors"), body


def test_demo_tokens_are_never_made_for_real_households(run: Run, tmp_path: Path, households: list[made_up.Household]) -> None:
    folder = made_up.write_register(tmp_path / "real", households[:100], synthetic=False)
    made_up.promote(made_up.train(households), tmp_path / "bundles")
    assert run("key").code == 0
    assert run("import", str(folder)).code == 0
    assert run("score", "--allow-synthetic-model").code == 0
    served = run("serve", "--port", str(free_port()), "--demo-file", str(tmp_path / "demo.json"), FANGPIN_DEMO="1")
    assert served.code == 2
    assert "synthetic registers only" in served.err.replace("\n", " ")
    assert not (tmp_path / "demo.json").exists()


def test_tokens_are_shown_once_listed_without_secrets_and_revoked(run: Run) -> None:
    made = run("token", "create", "--role", "village", "--region", made_up.VILLAGES[0], "--label", "会计")
    assert made.code == 0, made.err
    token = made.out.strip()
    assert token.startswith("fp_")
    listed = run("token", "list", COLUMNS="200").out
    assert made_up.VILLAGES[0] in listed
    assert "会计" in listed
    assert token not in listed
    assert run("token", "revoke", "1").code == 0
    assert run("token", "revoke", "1").code == 2
    wrong = run("token", "create", "--role", "village", "--region", "520523")
    assert (wrong.code, "12" in wrong.err, "Traceback" in wrong.err) == (2, True, False)


def test_what_went_wrong_is_told_as_it_is(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "error: a:100:[b] " in run("policy", "check", "a:100:[b]").err
    monkeypatch.setattr(sys, "argv", ["features", "validate", str(tmp_path / "a:100:b")])
    with pytest.raises(SystemExit):
        features_command()
    shown = capsys.readouterr()
    assert "a:100:b" in (shown.out + shown.err).replace("\n", "")


def test_a_port_in_use_is_named(run: Run, tmp_path: Path) -> None:
    assert run("key").code == 0
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        served = run("serve", "--port", str(other.getsockname()[1]))
    assert served.code == 2
    assert "--port" in served.err


def test_a_database_that_cannot_be_opened_is_told_in_a_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    listed = run("token", "list", FANGPIN_DATABASE_URL=f"sqlite:///{tmp_path / 'taken'}")
    assert listed.code == 2
    assert "FANGPIN_DATABASE_URL" in listed.err


def test_a_key_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    assert run("key").code == 0
    before = (tmp_path / "pseudonym.key").read_text()
    again = run("key")
    assert again.code == 2
    assert (tmp_path / "pseudonym.key").read_text() == before


def test_every_setting_says_what_it_is_in_chinese_and_english() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert re.search(r"[\u4e00-\u9fff]", field.description), name
        assert re.search(r"[a-z]{3}", field.description), name


@pytest.mark.parametrize(
    "command", [[], ["import"], ["score"], ["serve"], ["token"], ["token", "create"], ["user"], ["user", "add"], ["key"]]
)
def test_help_is_in_chinese_and_english(run: Run, command: list[str]) -> None:
    shown = run(*command, "--help").out
    assert re.search(r"[\u4e00-\u9fff]", shown)
    assert re.search(r"[A-Z][a-z]+", shown)


def test_a_user_is_added_gets_a_token_and_is_disabled_with_it(run: Run, tmp_path: Path) -> None:
    assert run("user", "add", "王芳", "--role", "town", "--region", made_up.VILLAGES[0][:9]).code == 0
    assert "taken" in run("user", "add", "王芳", "--role", "county", "--region", made_up.COUNTY).err
    assert run("user", "add", "a b", "--role", "county", "--region", made_up.COUNTY).code == 2
    assert run("user", "add", "李", "--role", "village", "--region", made_up.COUNTY).code == 2
    assert run("user", "add", "李", "--role", "mayor", "--region", made_up.COUNTY).code != 0
    token = run("token", "create", "--user", "王芳").out.strip()
    database = Database(f"sqlite:///{tmp_path}/fangpin.db")
    with database.reading() as connection:
        row = find_token(connection, token, utc_now())
    assert row is not None
    assert (row.user, row.role, row.region) == ("王芳", "township", made_up.VILLAGES[0][:9])
    assert "王芳" in run("user", "list", COLUMNS="200").out
    assert "王芳" in run("token", "list", COLUMNS="200").out
    for wrong in (("--user", "nobody"), ("--user", "王芳", "--role", "county"), ("--role", "county"), ()):
        assert run("token", "create", *wrong).code == 2, wrong
    assert run("user", "disable", "王芳").code == 0
    assert run("user", "disable", "王芳").code == 2
    with database.reading() as connection:
        assert find_token(connection, token, utc_now()) is None
    assert run("token", "create", "--user", "王芳").code == 2
    database.close()


def test_all_tokens_of_a_label_are_revoked_together(run: Run) -> None:
    for _ in range(2):
        assert run("token", "create", "--role", "county", "--region", made_up.COUNTY, "--label", "大屏").code == 0
    assert run("token", "revoke").code == 2
    assert run("token", "revoke", "--label", "大屏").code == 0
    assert run("token", "revoke", "2").code == 2


def test_a_log_that_was_taken_away_is_not_intact(
    own_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own_site.client.get("/api/v1/summary", headers=own_site.headers())
    monkeypatch.setenv("FANGPIN_AUDIT_DIR", str(own_site.settings.audit_dir))
    assert run_command(capsys, "audit", "verify").code == 0
    for file in own_site.settings.audit_dir.iterdir():
        file.unlink()
    done = run_command(capsys, "audit", "verify")
    assert done.code != 0
    assert "没有访问日志" in done.err


def test_the_key_that_the_advice_makes_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    with pytest.raises(UserError, match="缺少假名密钥") as told:
        check_key(path)
    advice = str(told.value).partition("make one: ")[2]
    subprocess.run(["bash", "-c", advice.replace("python ", f"{sys.executable} ", 1)], check=True)
    check_key(path)
