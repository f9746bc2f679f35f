"""Four plain package names are safe only while they can be nobody else's."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("features", "models", "training", "service")
LOCKS = ("bootstrap", "serve", "train", "dev")


def locked(name: str) -> dict[str, str]:
    """The distributions that a lock pins, and their versions."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("package", PACKAGES)
def test_our_packages_are_those_of_this_checkout(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__).parents[1] == ROOT


@pytest.mark.parametrize("lock", LOCKS)
def test_no_locked_distribution_bears_one_of_our_names(lock: str) -> None:
    pinned = {name.lower().replace("_", "-") for name in locked(lock)}
    assert pinned
    assert pinned.isdisjoint({*PACKAGES, "fangpin", "tests"})


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_locked_is_pinned_by_hash_and_no_host_is_named(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    assert [entry.split()[0] for entry in entries if entry.strip() and "--hash=sha256:" not in entry] == []
    assert "http" not in re.sub(r"^(?:http|aiohttp|httpx)[^\s]*", "", re.sub(r"--hash\S+", "", text), flags=re.MULTILINE).replace("\\", "")


def test_the_locks_agree_with_one_another() -> None:
    serve, train, dev = locked("serve"), locked("train"), locked("dev")
    assert serve.items() <= train.items() <= dev.items()


def test_what_the_project_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(wanted: list[str]) -> set[str]:
        return {re.split(r"[\[~=<>! ;]", entry)[0].lower() for entry in wanted}

    extras = project["optional-dependencies"]
    assert names(project["dependencies"]) <= locked("serve").keys()
    assert names(extras["train"]) | names(extras["build"]) <= locked("train").keys()
    assert names(extras["dev"]) <= locked("dev").keys()


def test_serving_installs_neither_training_nor_tracking() -> None:
    assert locked("serve").keys().isdisjoint({"mlflow", "mlflow-skinny", "scikit-learn", "optuna", "scipy-stubs"})


def test_it_cannot_be_published_by_accident() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "Private :: Do Not Upload" in project["classifiers"]
