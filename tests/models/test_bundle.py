"""A model folder: what is written is what is read, and whatever is not as it was written is refused."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.build import catalogue
from features.catalog import Leak
from features.errors import UserError
from features.register import Indicator, RegisterInfo
from models.bundle import Bundle, compose, load, write
from models.calibration import Calibration, Sigmoid
from models.errors import BundleError
from models.folder import dump
from models.members import Boosted
from tests.models.examples import INDICATORS, linear, make_bundle, matrix, names

FILES = (
    "manifest.json",
    "members/00.txt",
    "members/01.json",
    "calibration.json",
    "thresholds.json",
    "reference.json",
    "importance.json",
    "card.json",
)


@pytest.fixture(scope="module")
def folder(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle as it was written; tests copy it."""
    path = tmp_path_factory.mktemp("bundles") / "first"
    write(bundle, path)
    return path


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """One's own copy of the folder."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def forge(folder: Path, file: str, content: bytes | None = None, **manifest: Any) -> None:
    """Changes a file or the manifest and makes every hash right again, as a careless exporter would."""
    told = json.loads((folder / "manifest.json").read_text())
    if content is not None:
        (folder / file).write_bytes(content)
        told["files"][file] = hashlib.sha256(content).hexdigest()
    told.update(manifest)
    del told["version"]
    told["version"] = hashlib.sha256(dump(told)).hexdigest()[:12]
    (folder / "manifest.json").write_bytes(dump(told))


def test_what_is_read_scores_as_what_was_written_to_the_last_bit(bundle: Bundle, folder: Path) -> None:
    X = matrix(500, len(bundle.features), 9)
    again = load(folder)
    assert again.margin(X).tobytes() == bundle.margin(X).tobytes()
    assert again.contributions(X).tobytes() == bundle.contributions(X).tobytes()
    assert again.probability(X).tobytes() == bundle.probability(X).tobytes()
    for name in ("name", "features", "indicators", "thresholds", "base_margin", "importance", "reference", "card"):
        assert getattr(again, name) == getattr(bundle, name), name


def test_a_folder_holds_the_listed_files_and_no_others(folder: Path) -> None:
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == sorted(FILES)


def test_version_is_of_the_content_alone(bundle: Bundle, folder: Path, tmp_path: Path) -> None:
    assert load(folder).version == bundle.version == write(load(folder), tmp_path / "again").version
    other = dataclasses.replace(bundle, members=(dataclasses.replace(bundle.members[0], weight=0.3), bundle.members[1]))
    other = compose(other.name, other.features, other.members, other.calibration, matrix(300, 12), indicators=INDICATORS)
    assert other.version != bundle.version
    assert len(bundle.version) == 12


def test_same_parts_give_the_same_bytes() -> None:
    assert make_bundle(rows=400).version == make_bundle(rows=400).version


def test_reasons_of_the_reference_households_start_from_their_mean(bundle: Bundle) -> None:
    X = matrix(1500, len(bundle.features))
    assert bundle.base_margin == pytest.approx(bundle.margin(X).mean(), abs=1e-9)
    np.testing.assert_allclose(bundle.contributions(X).mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(bundle.contributions(X).sum(axis=1) + bundle.base_margin, bundle.margin(X), atol=1e-9)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_refused(copy: Path, data: st.DataObject) -> None:
    path = copy / data.draw(st.sampled_from(FILES))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(changed))
    try:
        with pytest.raises(BundleError) as caught:
            load(copy)
        assert path.relative_to(copy).as_posix() in str(caught.value)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_or_shortened_file_is_refused_and_named(copy: Path, file: str) -> None:
    whole = (copy / file).read_bytes()
    (copy / file).write_bytes(whole[:-1])
    with pytest.raises(BundleError, match=file.replace(".", r"\.")):
        load(copy)
    (copy / file).unlink()
    with pytest.raises(BundleError, match="缺少文件"):
        load(copy)


@pytest.mark.parametrize("extra", ["notes.txt", "members/02.json", "members/run.py", ".hidden"])
def test_a_file_besides_those_listed_is_refused(copy: Path, extra: str) -> None:
    (copy / extra).write_text("x")
    with pytest.raises(BundleError, match="不属于"):
        load(copy)


@pytest.mark.parametrize("file", ["card.json", "members/00.txt"])
def test_a_symbolic_link_is_refused_even_to_the_same_content(copy: Path, file: str, tmp_path: Path) -> None:
    (copy / file).rename(tmp_path / "elsewhere")
    (copy / file).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="符号链接"):
        load(copy)


def test_a_linked_members_folder_is_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "members").rename(tmp_path / "elsewhere")
    (copy / "members").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="符号链接"):
        load(copy)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/hostname", "members/../../x.txt", "members/0.txt", "more.json"])
def test_a_file_name_that_leads_elsewhere_is_refused(copy: Path, name: str) -> None:
    told = json.loads((copy / "manifest.json").read_text())
    forge(copy, "", files={**told["files"], name: "0" * 64})
    with pytest.raises(BundleError, match="has no place in a bundle"):
        load(copy)


def test_a_foreign_format_version_is_refused(copy: Path) -> None:
    forge(copy, "", format_version=2)
    with pytest.raises(BundleError, match="reads 1"):
        load(copy)


def test_an_unknown_feature_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    foreign = dataclasses.replace(bundle, indicators=(INDICATORS[0],))
    with pytest.raises(BundleError, match=r"unknown features indicator\.roof"):
        write(foreign, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_an_unknown_feature_in_a_folder_is_refused(copy: Path) -> None:
    forge(copy, "", indicators=[])
    with pytest.raises(BundleError, match="unknown features"):
        load(copy)


def test_a_feature_that_may_not_train_is_refused(tmp_path: Path) -> None:
    unsafe = [feature.name for feature in catalogue(RegisterInfo()) if feature.leak is not Leak.SAFE]
    X = matrix(200, len(names()))
    bundle = compose("falls_below", names(), (linear(X, 1.0),), Calibration(Sigmoid(1.0, 0.0)), X, indicators=INDICATORS)
    if unsafe:
        bundle = dataclasses.replace(bundle, features=(unsafe[0], *bundle.features[1:]))
        with pytest.raises(BundleError, match="may not train"):
            write(bundle, tmp_path / "x")
    else:
        write(bundle, tmp_path / "x")


def test_trees_that_look_at_other_features_are_refused(copy: Path) -> None:
    text = (copy / "members/00.txt").read_text()
    swapped = text.replace("indicator.distance indicator.roof", "indicator.roof indicator.distance", 1)
    forge(copy, "members/00.txt", swapped.encode())
    with pytest.raises(BundleError, match=r"members/00\.txt.*features"):
        load(copy)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("members/00.txt", b"tree\nnonsense"),
        ("members/01.json", b"{}"),
        ("members/01.json", b"[NaN]"),
        ("calibration.json", b'{"curve": {"kind": "magic"}, "interval": null}'),
        ("thresholds.json", b'{"red": 1}'),
        ("reference.json", b"[]"),
        ("importance.json", b'{"features": {}, "base_margin": 0}'),
        ("card.json", b"\xff\xfe"),
        ("card.json", b"[" * 100_000),
    ],
)
def test_content_that_is_not_what_its_name_says_is_refused_even_with_right_hashes(copy: Path, file: str, content: bytes) -> None:
    forge(copy, file, content)
    with pytest.raises(BundleError, match=file.replace(".", r"\.")):
        load(copy)


def test_a_base_that_does_not_fit_the_members_is_refused(copy: Path) -> None:
    told = json.loads((copy / "importance.json").read_text())
    forge(copy, "importance.json", dump({**told, "base_margin": told["base_margin"] + 0.1}))
    with pytest.raises(BundleError, match="base margin does not fit"):
        load(copy)


@pytest.mark.parametrize(
    "manifest",
    [
        {"name": "something_else"},
        {"members": []},
        {
            "members": [
                {"file": "members/00.txt", "kind": "pickle", "weight": 1.0},
                {"file": "members/01.json", "kind": "linear", "weight": 1.0},
            ]
        },
        {
            "members": [
                {"file": "members/00.txt", "kind": "boosted", "weight": -1.0},
                {"file": "members/01.json", "kind": "linear", "weight": 1.0},
            ]
        },
        {"members": "none"},
        {"features": []},
        {"indicators": [{"surprise": 1}]},
        {"indicators": [{"name": "a", "zh": "甲", "unit": "", "direction": 1, "cause": "luck"}]},
        {"files": {}},
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(copy: Path, manifest: dict[str, Any]) -> None:
    forge(copy, "", **manifest)
    with pytest.raises(BundleError):
        load(copy)


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="promote first"):
        load(tmp_path / "nothing")


def test_the_error_is_the_users_and_speaks_both_languages(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"没有这个目录 no such folder → 先训练并发布"):
        load(tmp_path / "nothing")


def test_a_full_folder_is_not_overwritten(bundle: Bundle, copy: Path) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    with pytest.raises(BundleError, match="already exists"):
        write(bundle, copy)
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_a_failed_write_leaves_nothing_behind(bundle: Bundle, tmp_path: Path) -> None:
    bad = dataclasses.replace(bundle, card={"not": {1, 2}})
    with pytest.raises(BundleError, match=r"card\.json"):
        write(bad, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_register_without_the_models_indicators_is_told_so(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=r"indicator\.roof"):
        bundle.columns_in(bundle.features[:-1])


def test_only_the_indicators_that_are_used_travel() -> None:
    X = matrix(200, len(names()))
    surplus = Indicator("unused", "未用", "", 0, "other")
    made = compose("identified", names(), (linear(X, 1.0),), Calibration(Sigmoid(1.0, 0.0)), X, indicators=(*INDICATORS, surplus))
    assert made.indicators == INDICATORS


def test_members_are_text_and_json_only(folder: Path, bundle: Bundle) -> None:
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".txt", ".json"}
    assert isinstance(bundle.members[0], Boosted)
