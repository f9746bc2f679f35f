"""A model as a folder: what it looks at, what it adds up, how sure it is, and how it was judged.

    manifest.json       name, features in order, members with their weights, sha256 of every other file, and the version
    members/00.txt …    boosted trees as LightGBM text, linear members as JSON
    calibration.json    margin → probability and its band
    thresholds.json     from where on a household is red, orange, yellow
    reference.json      how features and margins were spread over the reference households (for drift)
    importance.json     how much each feature says on average
    card.json           figures, dates, versions

Nothing in the folder executes when it is loaded. The version is the sha256 over the manifest's content, which holds the sha256 of every file: two
folders with the same version give the same scores. Hashes guard against damage and mix-ups; who may write the folder is the system's business.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from features.build import catalogue
from features.catalog import Feature, Leak
from features.register import FloatArray, Indicator, RegisterInfo
from models.calibration import Calibration
from models.drift import Reference
from models.errors import BundleError
from models.members import Boosted, Linear, Member
from models.tiers import Thresholds

FORMAT_VERSION = 1
PREDICTS = ("falls_below", "identified")
PARTS = ("calibration.json", "thresholds.json", "reference.json", "importance.json", "card.json")
MANIFEST = "manifest.json"
MEMBER_FILE = re.compile(r"members/\d{2}\.(txt|json)")
LARGEST_FILE = 1 << 30
EXPLAINED_ROWS = 2000
"""Reference households over which mean contributions are taken, spread evenly over those given."""


@dataclass(frozen=True)
class Bundle:
    """Everything that is needed to score a household, and to say why.

    Attributes:
        name: what it predicts: falls_below or identified.
        features: the columns of the model matrix, in order.
        indicators: inputs that only its kind of register has, by their declaration.
        members: their weighted margins add up.
        calibration: from the summed margin to a probability and its band.
        thresholds: from where on a household is red, orange, yellow.
        base_margin: mean margin of the reference households, where the reasons start.
        centre: (p,) mean contribution of each feature over the reference households.
        reference: how features and margins were spread over the reference households.
        importance: mean absolute contribution of each feature, in margin units.
        card: figures, dates, versions; plain JSON values.
        version: 12 hex digits of the content; "" before it is written.
    """

    name: str
    features: tuple[str, ...]
    members: tuple[Member, ...]
    calibration: Calibration
    thresholds: Thresholds
    base_margin: float
    centre: FloatArray
    reference: Reference
    importance: Mapping[str, float]
    indicators: tuple[Indicator, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""

    def margin(self, X: FloatArray, threads: int = 1) -> FloatArray:
        """(n,) weighted sum of the members' margins over the rows of X (n, p), p = len(features), NaN = not known."""
        out = np.zeros(len(X))
        for member in self.members:
            out += member.weight * member.margin(X, threads)
        return out

    def contributions(self, X: FloatArray, threads: int = 1) -> FloatArray:
        """(n, p) what each feature adds to `base_margin`; each row sums to margin - base_margin."""
        return raw_contributions(self.members, X, threads) - self.centre

    def probability(self, X: FloatArray, threads: int = 1) -> FloatArray:
        """(n,) calibrated probabilities."""
        return self.calibration.probability(self.margin(X, threads))

    @cached_property
    def declared(self) -> tuple[Feature, ...]:
        """What the catalogue (or the bundle's indicators) says of each of its features, in the bundle's order."""
        known = _declarations(self.indicators)
        return tuple(known[name] for name in self.features)


def raw_contributions(members: Sequence[Member], X: FloatArray, threads: int = 1) -> FloatArray:
    """(n, p) weighted sum of the members' own contributions, each relative to its own base."""
    out = np.zeros(X.shape)
    for member in members:
        out += member.weight * member.contributions(X, threads)
    return out


def compose(
    name: str,
    features: tuple[str, ...],
    members: Sequence[Member],
    calibration: Calibration,
    X: FloatArray,
    indicators: tuple[Indicator, ...] = (),
    card: Mapping[str, Any] | None = None,
    thresholds: Thresholds | None = None,
    threads: int = 1,
) -> Bundle:
    """Makes a bundle of fitted parts; the reference, the tiers and the importances are taken over the rows of X.

    Args:
        name: falls_below or identified.
        features: names of the columns of X.
        members: fitted members; their weights apply to their margins.
        calibration: fitted on the summed margin.
        X: (n, p) calibration households, the reference from now on.
        indicators: declarations of the features `indicator.<name>` among `features`.
        card: figures, dates, versions; plain JSON values.
        thresholds: where they are not those of `Thresholds.of` over X.
        threads: for the boosted members.
    """
    margin = np.zeros(len(X))
    for member in members:
        margin += member.weight * member.margin(X, threads)
    probability = calibration.probability(margin)
    sample = np.unique(np.linspace(0, len(X) - 1, min(len(X), EXPLAINED_ROWS)).astype(np.int64))
    raw = raw_contributions(members, np.ascontiguousarray(X[sample]), threads)
    centre = raw.mean(axis=0)
    base = sum(member.weight * member.base for member in members) + float(np.add.reduce(centre))
    importance = np.abs(raw - centre).mean(axis=0)
    used = {f"indicator.{indicator.name}" for indicator in indicators} & set(features)
    bundle = Bundle(
        name=name,
        features=tuple(features),
        members=tuple(members),
        calibration=calibration,
        thresholds=thresholds or Thresholds.of(margin, probability),
        base_margin=float(base),
        centre=centre,
        reference=Reference.of(X, features, margin),
        importance=dict(zip(features, importance.tolist(), strict=True)),
        indicators=tuple(i for i in indicators if f"indicator.{i.name}" in used),
        card=dict(card or {}),
    )
    return replace(bundle, version=_render(bundle, None)[1])


def write(bundle: Bundle, folder: Path) -> Bundle:
    """Writes a bundle as a new folder, all of it or nothing.

    Args:
        bundle: checked before anything is written.
        folder: must not exist, or be empty; its parent is made where it is missing.

    Returns:
        the bundle with its version.
    """
    folder = Path(folder)
    _check(bundle, folder)
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise BundleError(folder, "", "已经存在 already exists", "换一个目录 choose another folder")
    files, version = _render(bundle, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (beside / "members").mkdir()
        for name, content in files.items():
            with (beside / name).open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
        beside.chmod(0o755)
        beside.rename(folder)  # takes the place of an empty folder, refuses a full one
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return replace(bundle, version=version)


def load(folder: Path) -> Bundle:
    """Reads a bundle, and refuses one that is damaged, incomplete, foreign, or looks at what this programme does not know.

    Args:
        folder: as `write` left it.

    Raises:
        BundleError: names the file, what is wrong and what to do.
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    files = {name: _content(folder, name, digest) for name, digest in manifest["files"].items()}
    _refuse_others(folder, set(files))
    features = tuple(manifest["features"])
    members = tuple(
        _member(folder, entry["file"], entry["kind"], entry["weight"], files[entry["file"]], features)
        for entry in manifest["members"]
    )
    with _reading(folder, MANIFEST):
        indicators = tuple(Indicator(**declared) for declared in manifest["indicators"])
    with _reading(folder, "calibration.json"):
        calibration = Calibration.from_json(_json(files["calibration.json"]))
    with _reading(folder, "thresholds.json"):
        thresholds = Thresholds.from_json(_json(files["thresholds.json"]))
    with _reading(folder, "reference.json"):
        reference = Reference.from_json(_json(files["reference.json"]))
    with _reading(folder, "importance.json"):
        said = _json(files["importance.json"])
        importance = {name: float(said["features"][name]["importance"]) for name in features}
        centre = np.array([float(said["features"][name]["centre"]) for name in features])
        base = float(said["base_margin"])
    with _reading(folder, "card.json"):
        card = dict(_json(files["card.json"]))
    bundle = Bundle(
        name=manifest["name"],
        features=features,
        members=members,
        calibration=calibration,
        thresholds=thresholds,
        base_margin=base,
        centre=centre,
        reference=reference,
        importance=importance,
        indicators=indicators,
        card=card,
        version=manifest["version"],
    )
    _check(bundle, folder)
    return bundle


def _declarations(indicators: tuple[Indicator, ...]) -> dict[str, Feature]:
    return {feature.name: feature for feature in catalogue(RegisterInfo(indicators=indicators))}


def _check(bundle: Bundle, folder: Path) -> None:
    """What must hold of any bundle, before it is written and after it was read."""
    if bundle.name not in PREDICTS:
        raise BundleError(
            folder,
            MANIFEST,
            f"不认识的预测目标 unknown outcome {bundle.name!r}",
            f"可用 allowed: {', '.join(PREDICTS)}",
        )
    known = _declarations(bundle.indicators)
    unknown = [name for name in bundle.features if name not in known]
    if unknown:
        raise BundleError(
            folder,
            MANIFEST,
            f"用到本程序没有的特征 unknown features {', '.join(unknown[:5])}",
            "用本版本程序重新训练，或换用配套版本的程序 retrain with this version, or use the version it was trained with",
        )
    unsafe = [name for name in bundle.features if known[name].leak is not Leak.SAFE]
    if unsafe:
        raise BundleError(
            folder,
            MANIFEST,
            f"用到不得用于训练的特征 features that may not train: {', '.join(unsafe[:5])}",
            "去掉后重新训练 retrain without them",
        )
    if not bundle.members or len(set(bundle.features)) != len(bundle.features):
        raise BundleError(
            folder,
            MANIFEST,
            "没有成员或特征重复 no member, or a feature twice",
            "重新训练并导出 train and export again",
        )
    for i, member in enumerate(bundle.members):
        file = _file_of(i, member)
        if member.width != len(bundle.features):
            raise _mismatch(folder, file, f"{member.width} ≠ {len(bundle.features)}")
        if isinstance(member, Boosted) and tuple(member.booster.feature_name()) != bundle.features:
            raise _mismatch(folder, file, "特征名或次序不同 names or order differ")
        if not (np.isfinite(member.weight) and member.weight > 0):
            raise BundleError(
                folder,
                MANIFEST,
                f"权重必须为正数 weight of {file} must be above 0",
                "重新训练并导出 train and export again",
            )
    starts = sum(member.weight * member.base for member in bundle.members) + float(np.add.reduce(bundle.centre))
    if bundle.centre.shape != (len(bundle.features),) or not abs(starts - bundle.base_margin) < 1e-6:
        raise BundleError(
            folder,
            "importance.json",
            "基准与成员不符 base margin does not fit the members",
            "用 models.bundle.compose 生成 make the bundle with models.bundle.compose",
        )


def _mismatch(folder: Path, file: str, what: str) -> BundleError:
    return BundleError(
        folder,
        file,
        f"成员的特征与清单不符 the member's features are not the manifest's ({what})",
        "重新训练并导出 train and export again",
    )


def _file_of(i: int, member: Member) -> str:
    return f"members/{i:02d}.{'txt' if isinstance(member, Boosted) else 'json'}"


def _dump(value: Any, folder: Path | None, file: str) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BundleError(
            folder, file, f"写不成 JSON cannot be written as JSON: {error}", "只放普通数值与文字 hold plain values only"
        ) from error
    return text.encode() + b"\n"


def _render(bundle: Bundle, folder: Path | None) -> tuple[dict[str, bytes], str]:
    """Every file of the folder with its content, and the version."""
    files: dict[str, bytes] = {}
    for i, member in enumerate(bundle.members):
        file = _file_of(i, member)
        files[file] = member.text.encode() if isinstance(member, Boosted) else _dump(member.to_json(), folder, file)
    said = {
        name: {"importance": float(bundle.importance[name]), "centre": float(centre)}
        for name, centre in zip(bundle.features, bundle.centre, strict=True)
    }
    parts = {
        "calibration.json": bundle.calibration.to_json(),
        "thresholds.json": bundle.thresholds.to_json(),
        "reference.json": bundle.reference.to_json(),
        "importance.json": {"base_margin": bundle.base_margin, "features": said},
        "card.json": dict(bundle.card),
    }
    files |= {name: _dump(value, folder, name) for name, value in parts.items()}
    manifest = {
        "format_version": FORMAT_VERSION,
        "name": bundle.name,
        "features": list(bundle.features),
        "indicators": [
            {"name": i.name, "zh": i.zh, "unit": i.unit, "direction": i.direction, "cause": i.cause}
            for i in bundle.indicators
        ],
        "members": [
            {"file": _file_of(i, member), "kind": member.kind, "weight": float(member.weight)}
            for i, member in enumerate(bundle.members)
        ],
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    version = _version(manifest)
    files[MANIFEST] = _dump(manifest | {"version": version}, folder, MANIFEST)
    return files, version


def _version(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dump(dict(manifest), None, MANIFEST)).hexdigest()[:12]


class _reading:
    """Turns whatever goes wrong while one file is understood into an error that names it."""

    def __init__(self, folder: Path, file: str) -> None:
        self._folder = folder
        self._file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        expected = (ValueError, TypeError, KeyError, AttributeError, IndexError, lightgbm.basic.LightGBMError)
        if isinstance(error, expected) and not isinstance(error, BundleError):
            raise BundleError(
                self._folder,
                self._file,
                f"内容不合规 not as it should be: {error}",
                "从训练端重新导出 export it again from training",
            ) from error


def _json(content: bytes) -> Any:
    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no JSON number")

    return json.loads(content.decode("utf-8"), parse_constant=refuse)


def _manifest(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise BundleError(folder, "", "没有这个目录 no such folder", "先训练并发布 train and promote first")
    content = _content(folder, MANIFEST, None)
    with _reading(folder, MANIFEST):
        manifest = _json(content)
        if not isinstance(manifest, dict):
            raise ValueError("not an object")
        found = manifest.get("format_version")
        if found != FORMAT_VERSION:
            raise BundleError(
                folder,
                MANIFEST,
                f"格式版本 {found!r}，本程序只读 {FORMAT_VERSION} format version {found!r}, this programme reads {FORMAT_VERSION}",
                "换用配套版本的程序，或重新导出 use the matching version of the programme, or export again",
            )
        version = manifest.pop("version")
        if version != _version(manifest) or content != _dump(manifest | {"version": version}, folder, MANIFEST):
            raise BundleError(
                folder,
                MANIFEST,
                "内容被改动 it was changed after it was written",
                "从训练端重新导出 export it again from training",
            )
        listed = [entry["file"] for entry in manifest["members"]]
        if [re.fullmatch(r"members/(\d{2})\.(txt|json)", name) is not None for name in listed].count(False):
            raise ValueError(f"member files must be called members/NN.txt or members/NN.json, not {listed}")
        for name in manifest["files"]:
            if name not in PARTS and not MEMBER_FILE.fullmatch(name):
                raise ValueError(f"file name {name!r} has no place in a bundle")
        missing = [name for name in (*PARTS, *listed) if name not in manifest["files"]]
        surplus = sorted(set(manifest["files"]) - set(PARTS) - set(listed))
        if missing or surplus or len(set(listed)) != len(listed):
            raise ValueError(f"files do not fit the members: missing {missing}, surplus {surplus}")
    return manifest | {"version": version}


def _content(folder: Path, name: str, digest: str | None) -> bytes:
    path = folder / name
    if path.is_symlink() or path.parent.is_symlink():
        raise BundleError(folder, name, "是符号链接 is a symbolic link", "换成文件本身 put the file itself there")
    if not path.is_file():
        raise BundleError(folder, name, "缺少文件 is missing", "从训练端重新导出 export it again from training")
    if path.stat().st_size > LARGEST_FILE:
        raise BundleError(folder, name, "大于 1 GiB over 1 GiB", "减少树的数量 train fewer trees")
    content = path.read_bytes()
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        raise BundleError(
            folder,
            name,
            "与清单的校验和不符 does not have the manifest's sha256",
            "文件损坏或被改动，从训练端重新导出 damaged or changed: export it again from training",
        )
    return content


def _refuse_others(folder: Path, listed: set[str]) -> None:
    allowed = listed | {MANIFEST, "members"}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in allowed:
            raise BundleError(
                folder, name, "不在清单里 is not in the manifest", "移走它 move it away, or export the bundle again"
            )


def _member(folder: Path, file: str, kind: str, weight: Any, content: bytes, features: tuple[str, ...]) -> Member:
    with _reading(folder, file):
        if kind == Linear.kind and file.endswith(".json"):
            return Linear.from_json(float(weight), _json(content))
        if kind == Boosted.kind and file.endswith(".txt"):
            text = content.decode("utf-8")
            named = re.search(r"^feature_names=(.*)$", text, re.MULTILINE)
            # Looked at before LightGBM parses the trees: what it is handed fits what will be handed to it.
            if not text.startswith("tree\n") or named is None or tuple(named[1].split(" ")) != features:
                raise _mismatch(folder, file, "特征名或次序不同 names or order differ")
            return Boosted.from_text(float(weight), text)
        raise ValueError(f"unknown kind {kind!r} for this file name; known are boosted (.txt) and linear (.json)")
    raise AssertionError("unreachable")
