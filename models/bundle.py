"""A model as a folder: what it looks at, what it adds up, how sure it is, and how it was judged.

    manifest.json       name, features in order, members with their weights, sha256 of every other file, and the version
    members/00.txt …    boosted trees as LightGBM text, linear members as JSON
    calibration.json    margin → probability and its band
    thresholds.json     from where on a household is red, orange, yellow
    reference.json      how features and margins were spread over the reference households (for drift)
    importance.json     how much each feature says on average
    card.json           figures, dates, versions

Nothing in the folder executes when it is loaded. The version is derived from the content alone: two folders with the same version give the
same scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from features.build import catalogue
from features.catalog import CAUSES, Feature, Leak
from features.register import Array, FloatArray, Indicator, RegisterInfo
from models.calibration import Calibration
from models.drift import Reference
from models.errors import BundleError
from models.folder import MANIFEST, MEND, Reading, dump, get, parse, put, seal
from models.members import Boosted, Linear, Member
from models.tiers import Thresholds

PREDICTS = ("falls_below", "identified")
EXPLAINED_ROWS = 2000
"""Reference households over which mean contributions are taken, spread evenly over those given."""
USUALLY_KNOWN = 0.5
"""Share missing above which a feature is thought not to apply to most households."""


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

    def columns_in(self, names: tuple[str, ...]) -> Array:
        """(p,) where each of its features stands among a frame's columns."""
        found = self._places.get(names)
        if found is None:
            place = {name: j for j, name in enumerate(names)}
            absent = [name for name in self.features if name not in place]
            if absent:
                raise BundleError(
                    None,
                    self.version,
                    f"登记册没有模型要用的特征 the register lacks features of the model: {', '.join(absent[:5])}",
                    "用同类登记册，或在这一登记册上重新训练 use a register of the kind it was trained on, or retrain on this one",
                )
            found = self._places[names] = np.array([place[name] for name in self.features], dtype=np.intp)
        return found

    @cached_property
    def _places(self) -> dict[tuple[str, ...], Array]:
        return {}

    @cached_property
    def field_names(self) -> Array:
        """Names of its features, then "" (nothing is missing), then the two facts without which nobody is scored."""
        return np.array([*self.features, "", "pc_net_income", "poverty_line"])

    @cached_property
    def telling(self) -> Array:
        """Indexes of the features that may be named as a missing field, the most important first.

        One that most reference households lack (the months since a shock, say) is not missing, it does not apply.
        """
        weight = np.array([self.importance[name] for name in self.features])
        weight[self.reference.missing(self.features) > USUALLY_KNOWN] = 0.0
        return np.argsort(-weight, kind="stable")[: int((weight > 0).sum())]

    @cached_property
    def speakers(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Each cause word that any of its features speaks for, with the indexes of those features."""
        groups = {cause: tuple(j for j, f in enumerate(self.declared) if f.cause == cause) for cause in CAUSES}
        return tuple((cause, members) for cause, members in groups.items() if members)

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
    *,
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
    files, version = _render(bundle, folder)
    put(files, folder)
    return replace(bundle, version=version)


def load(folder: Path) -> Bundle:
    """Reads a bundle; refuses one that is damaged, incomplete, foreign, or looks at what this programme does not know.

    Args:
        folder: as `write` left it.

    Raises:
        BundleError: names the file, what is wrong and what to do.
    """
    folder = Path(folder)
    manifest, files = get(folder)
    with Reading(folder, MANIFEST):
        name, features = str(manifest["name"]), tuple(map(str, manifest["features"]))
        indicators = tuple(Indicator(**declared) for declared in manifest["indicators"])
        listed = [(str(m["file"]), str(m["kind"]), float(m["weight"])) for m in manifest["members"]]
    members = []
    for file, kind, weight in listed:
        with Reading(folder, file):
            members.append(_member(file, kind, weight, files[file], features))
    with Reading(folder, "calibration.json"):
        calibration = Calibration.from_json(parse(files["calibration.json"]))
    with Reading(folder, "thresholds.json"):
        thresholds = Thresholds.from_json(parse(files["thresholds.json"]))
    with Reading(folder, "reference.json"):
        reference = Reference.from_json(parse(files["reference.json"]))
    with Reading(folder, "importance.json"):
        said = parse(files["importance.json"])
        importance = {feature: float(said["features"][feature]["importance"]) for feature in features}
        centre = np.array([float(said["features"][feature]["centre"]) for feature in features])
        base_margin = float(said["base_margin"])
    with Reading(folder, "card.json"):
        card = dict(parse(files["card.json"]))
    bundle = Bundle(
        name=name,
        features=features,
        members=tuple(members),
        calibration=calibration,
        thresholds=thresholds,
        base_margin=base_margin,
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
    with Reading(folder, MANIFEST):
        known = _declarations(bundle.indicators)
    unknown = [name for name in bundle.features if name not in known]
    if unknown:
        raise BundleError(
            folder,
            MANIFEST,
            f"用到本程序没有的特征 unknown features {', '.join(unknown[:5])}",
            "用本版本程序重新训练，或换用配套版本的程序 retrain with this version, or use the matching one",
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
            MEND,
        )
    for i, member in enumerate(bundle.members):
        file = _file_of(i, member)
        if member.width != len(bundle.features):
            raise _mismatch(folder, file, f"{member.width} ≠ {len(bundle.features)}")
        if isinstance(member, Boosted) and member.features != bundle.features:
            raise _mismatch(folder, file, "特征名或次序不同 names or order differ")
        if not (np.isfinite(member.weight) and member.weight > 0):
            raise BundleError(
                folder,
                MANIFEST,
                f"权重必须为正数 weight of {file} must be above 0",
                MEND,
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
        MEND,
    )


def _file_of(i: int, member: Member) -> str:
    return f"members/{i:02d}.{'txt' if isinstance(member, Boosted) else 'json'}"


def _member(file: str, kind: str, weight: float, content: bytes, features: tuple[str, ...]) -> Member:
    if kind == Linear.kind and file.endswith(".json"):
        return Linear.from_json(weight, parse(content))
    if kind == Boosted.kind and file.endswith(".txt"):
        return Boosted.from_text(weight, content.decode("utf-8"), features)
    raise ValueError(f"unknown kind {kind!r} for this file name; known are boosted (.txt) and linear (.json)")


def _render(bundle: Bundle, folder: Path | None) -> tuple[dict[str, bytes], str]:
    """Every file of the folder with its content, and the version."""
    files: dict[str, bytes] = {}
    for i, member in enumerate(bundle.members):
        file = _file_of(i, member)
        files[file] = member.text.encode() if isinstance(member, Boosted) else dump(member.to_json(), folder, file)
    said = {
        feature: {"importance": float(bundle.importance[feature]), "centre": float(centre)}
        for feature, centre in zip(bundle.features, bundle.centre, strict=True)
    }
    parts = {
        "calibration.json": bundle.calibration.to_json(),
        "thresholds.json": bundle.thresholds.to_json(),
        "reference.json": bundle.reference.to_json(),
        "importance.json": {"base_margin": bundle.base_margin, "features": said},
        "card.json": dict(bundle.card),
    }
    files |= {name: dump(value, folder, name) for name, value in parts.items()}
    manifest = {
        "name": bundle.name,
        "features": list(bundle.features),
        "indicators": [asdict(indicator) for indicator in bundle.indicators],
        "members": [
            {"file": _file_of(i, member), "kind": member.kind, "weight": float(member.weight)} for i, member in enumerate(bundle.members)
        ],
    }
    return seal(manifest, files)
