"""Models are exchanged under way: no request fails, none is answered by two of them, and a broken one is refused and told of."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models import pointer
from models.bundle import Bundle
from models.errors import BundleError
from service.bundles import ActiveBundle, Event, usable
from service.storage import model_store
from tests.service import made_up
from tests.service.sites import Site, now

AS_OF = made_up.AS_OF.isoformat()
SWAPS = 30


@pytest.fixture(scope="module")
def trained(households: list[made_up.Household]) -> tuple[Bundle, Bundle]:
    return made_up.train(households, seed=11), made_up.train(households, seed=12)


@pytest.fixture
def two_models(tmp_path: Path, trained: tuple[Bundle, Bundle]) -> tuple[Path, str, str]:
    """A folder of two models, the second in use."""
    first, second = (made_up.promote(bundle, tmp_path / "bundles") for bundle in trained)
    return tmp_path / "bundles", first, second


@pytest.fixture
def watching(two_models: tuple[Path, str, str]) -> Iterator[ActiveBundle]:
    active = ActiveBundle(two_models[0], now)
    active.watch(0.01)
    yield active
    active.stop()


def until(true: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_the_watcher_takes_up_what_is_promoted_and_what_is_put_back(watching: ActiveBundle, two_models: tuple[Path, str, str]) -> None:
    folder, first, second = two_models
    assert watching.current().version == second
    pointer.point(folder, first)
    until(lambda: watching.current().version == first)
    assert watching.state.pointer == pointer.Pointer(first, second)
    pointer.point(folder, second)
    until(lambda: watching.current().version == second)


@pytest.mark.parametrize("damage", ["tampered", "incomplete", "absent", "another", "pointer"])
def test_a_broken_model_is_refused_with_a_reason_until_it_is_whole(
    watching: ActiveBundle, two_models: tuple[Path, str, str], damage: str
) -> None:
    folder, first, second = two_models
    shutil.copytree(folder / first, folder / "whole")
    if damage == "tampered":
        made_up.tamper(folder / first)
    elif damage == "incomplete":
        (folder / first / "calibration.json").unlink()
    elif damage == "absent":
        shutil.rmtree(folder / first)
    elif damage == "another":
        shutil.rmtree(folder / first)
        shutil.copytree(folder / second, folder / first)
    if damage == "pointer":
        (folder / pointer.ACTIVE).write_text("{")
    else:
        pointer.point(folder, first)
    until(lambda: watching.state.refused)
    refused = watching.state.refused
    assert refused is not None
    assert (refused.version, watching.current().version) == ("" if damage == "pointer" else first, second)
    assert {"tampered": "00.txt", "incomplete": "calibration", "absent": first, "another": "manifest", "pointer": "active.json"}[
        damage
    ] in refused.reason
    assert str(folder) not in refused.reason
    shutil.rmtree(folder / first, ignore_errors=True)
    (folder / "whole").rename(folder / first)
    if damage == "pointer":
        pointer.point(folder, first)
    until(lambda: watching.current().version == first)
    assert watching.state.refused is None


def test_what_is_in_use_goes_on_when_its_folder_is_tampered_with(watching: ActiveBundle, two_models: tuple[Path, str, str]) -> None:
    folder, _, second = two_models
    made_up.tamper(folder / second)
    until(lambda: watching.state.refused)
    assert watching.current().version == second


def test_a_worker_that_starts_on_a_broken_model_takes_the_one_before(two_models: tuple[Path, str, str]) -> None:
    folder, first, second = two_models
    made_up.tamper(folder / second)
    with pytest.raises(BundleError, match=r"00\.txt"):
        ActiveBundle(folder).current()
    active = ActiveBundle(folder, now)
    active.watch(10)
    assert active.current().version == first
    assert active.state.refused is not None
    assert active.state.refused.version == second
    active.stop()


def test_a_request_never_looks_at_the_disk(two_models: tuple[Path, str, str]) -> None:
    folder, _, second = two_models
    active = ActiveBundle(folder, now)
    active.watch(3600)
    shutil.rmtree(folder)
    assert active.current().version == second
    active.stop()


def test_every_change_is_told_once_and_again_where_it_could_not_be_written(two_models: tuple[Path, str, str]) -> None:
    folder, first, second = two_models
    told: list[Event] = []
    fail = iter([True, True, False])

    def tell(event: Event) -> None:
        if next(fail, False):
            raise OSError("the database is away")
        told.append(event)

    active = ActiveBundle(folder, now, tell)
    active.watch(0.01)
    until(lambda: len(told) == 1)
    made_up.tamper(folder / first)
    pointer.point(folder, first)
    until(lambda: len(told) == 2)
    time.sleep(0.05)
    pointer.point(folder, second, "back")
    until(lambda: len(told) == 3)
    active.stop()
    assert [(event.event, event.model_version) for event in told] == [("in_use", second), ("refused", first), ("in_use", second)]
    assert told[2].reason == "back"
    assert told[0].at == "2024-03-01T01:00:00Z"


def test_a_model_that_gives_no_numbers_is_refused(two_models: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, first, _ = two_models
    monkeypatch.setattr(Bundle, "contributions", lambda self, X, threads=1: X)  # rows of NaN, as a broken member would give
    with pytest.raises(BundleError, match="no numbers"):
        usable(folder / first)


def test_requests_under_way_are_answered_by_one_model_each_while_models_are_exchanged(
    own_site: Site, households: list[made_up.Household], trained: tuple[Bundle, Bundle]
) -> None:
    folder, headers = own_site.settings.bundle_dir, own_site.headers()
    active: ActiveBundle = own_site.client.app.state.service.bundle
    active.stop()
    sent = {"as_of": AS_OF, "households": households[:3]}

    def ask() -> Any:
        return own_site.client.post("/api/v1/scores", json=sent, headers=headers)

    expected: dict[str, list[Any]] = {}
    versions = [made_up.promote(bundle, folder) for bundle in trained]
    for version in versions:
        pointer.point(folder, version)
        active.look()
        expected[version] = [(item["probability"], item["interval"], item["causes"]) for item in ask().json()["items"]]
    assert expected[versions[0]] != expected[versions[1]]
    shutil.copytree(folder / versions[0], folder / "000000000000")
    made_up.tamper(folder / "000000000000")

    active.watch(0.005)
    wrong: list[Any] = []
    answered: dict[str, int] = dict.fromkeys(versions, 0)
    done = threading.Event()

    def client() -> None:
        while not done.is_set():
            answer = ask()
            content = answer.json()
            version = content.get("model_version")
            if answer.status_code != 200 or version not in expected:
                wrong.append(content)
            elif [(item["probability"], item["interval"], item["causes"]) for item in content["items"]] != expected[version]:
                wrong.append((version, "numbers of another model"))
            elif any(item["model_version"] != version for item in content["items"]):
                wrong.append((version, "items of another model"))
            else:
                answered[version] += 1

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    for swap in range(SWAPS):
        if swap == SWAPS // 2:
            pointer.point(folder, "000000000000")
            until(lambda: active.state.refused)
        version = versions[swap % 2]
        pointer.point(folder, version)
        until(lambda version=version: active.state.bundle.version == version and active.state.refused is None)
    done.set()
    for thread in clients:
        thread.join()
    assert wrong == []
    assert min(answered.values()) > 0
    with own_site.database.reading() as connection:
        events = [row.event for row in model_store.history(connection, 500)]
    assert events.count("refused") == 1
    assert events.count("in_use") >= SWAPS - 1


def test_the_pointer_is_what_training_wrote_and_is_never_half_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert pointer.point(tmp_path, "a") == pointer.Pointer("a", None)
    assert pointer.point(tmp_path, "b", "why") == pointer.Pointer("b", "a", "why")
    assert pointer.point(tmp_path, "b") == pointer.Pointer("b", "a")
    assert pointer.read(tmp_path) == pointer.Pointer("b", "a")
    assert json.loads((tmp_path / pointer.ACTIVE).read_text()) == {"version": "b", "previous": "a", "override": None}
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a", pointer.ACTIVE]
    assert pointer.kept(tmp_path) == ["a"]
