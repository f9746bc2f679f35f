"""python -m service model: which model answers, and going back to the one before."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from models import pointer
from service.bundles import ActiveBundle
from tests.service import made_up
from tests.service.commands import Done, run_command
from tests.service.sites import Site

Run = Callable[..., Done]


@pytest.fixture
def run(own_site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `python -m service …` on the site's files; gives exit code, output and errors on one line each."""
    for name in ("database_url", "bundle_dir", "pseudonym_key", "uploads_dir"):
        monkeypatch.setenv(f"FANGPIN_{name.upper()}", str(getattr(own_site.settings, name)))
    return partial(run_command, capsys)


@pytest.fixture
def two(own_site: Site, households: list[made_up.Household]) -> tuple[Path, str, str]:
    """The folder of bundles, the version before, and the one in use."""
    folder = own_site.settings.bundle_dir
    first = pointer.read(folder).version
    return folder, first, made_up.promote(made_up.train(households, seed=31), folder)


def test_show_tells_the_model_those_kept_and_that_the_list_is_older(run: Run, two: tuple[Path, str, str]) -> None:
    _, first, second = two
    code, out, err = run("model", "show")
    assert (code, err) == (0, "")
    assert f"falls_below {second}" in out
    assert re.search(rf"kept.*{second}.*{first}", out)
    assert re.search(rf"previous.*{first}", out)
    assert "python -m service score" in out


def test_use_goes_back_to_the_previous_one_and_forth_again(run: Run, two: tuple[Path, str, str]) -> None:
    folder, first, second = two
    assert run("model", "use", "previous", "--reason", "误报过多")[0] == 0
    assert pointer.read(folder) == pointer.Pointer(first, second, "误报过多")
    assert run("model", "use", second)[0] == 0
    assert pointer.read(folder).version == second


def test_a_dry_run_checks_and_changes_nothing(run: Run, two: tuple[Path, str, str]) -> None:
    folder, first, second = two
    assert run("model", "use", first, "--dry-run")[0] == 0
    assert pointer.read(folder).version == second
    made_up.tamper(folder / first)
    code, _, err = run("model", "use", first, "--dry-run")
    assert (code, "00.txt" in err, "Traceback" in err) == (2, True, False)


@pytest.mark.parametrize("version", ["000000000000", "../bundles", "..", ""])
def test_what_is_not_kept_is_not_used_and_the_kept_ones_are_named(run: Run, two: tuple[Path, str, str], version: str) -> None:
    folder, first, second = two
    code, _, err = run("model", "use", version)
    assert code == 2
    assert first in err
    assert pointer.read(folder).version == second


def test_a_broken_model_is_not_put_in_use(run: Run, two: tuple[Path, str, str]) -> None:
    folder, first, second = two
    made_up.tamper(folder / first)
    assert run("model", "use", first)[0] == 2
    assert pointer.read(folder).version == second


def test_without_a_previous_one_the_command_says_so(run: Run, own_site: Site) -> None:
    code, _, err = run("model", "use", "previous")
    assert (code, "model show" in err) == (2, True)


def test_the_history_of_a_switch_by_hand_tells_its_reason(run: Run, own_site: Site, two: tuple[Path, str, str]) -> None:
    _, first, second = two
    bundle: ActiveBundle = own_site.client.app.state.service.bundle
    bundle.stop()
    bundle.look()
    assert bundle.current().version == second
    run("model", "use", first, "--reason", "试运行不佳")
    bundle.watch(60)
    bundle.stop()
    code, out, _ = run("model", "history")
    assert code == 0
    assert re.search(rf"in_use.*{first}.*试运行不佳", out)


@pytest.mark.parametrize("command", [["model"], ["model", "show"], ["model", "history"], ["model", "use"]])
def test_help_is_in_chinese_and_english(run: Run, command: list[str]) -> None:
    shown = run(*command, "--help")[1]
    assert re.search(r"[\u4e00-\u9fff]", shown)
    assert re.search(r"[A-Z][a-z]+", shown)
