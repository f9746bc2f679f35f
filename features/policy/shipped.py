"""Reads the policy files that come with the software, and those of a folder that a county writes itself."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from features.errors import PolicyError
from features.policy import source
from features.policy.declared import Text, Unit
from features.policy.faults import OUT_OF_ORDER, beyond, out_of_order, unlisted
from features.policy.language import Dated
from features.policy.packs import HERE, Packs, county_files, read_packs
from features.policy.registry import Parameter, Policy, Value
from features.policy.source import Read, Said

PARAMETERS, SYNTHETIC = HERE / "parameters", HERE / "synthetic"
MOST_FAULTS = 200


class ParameterFile(Said):
    """One policy number: what it is, its unit, and its values by region and start date."""

    zh: Text
    en: Text
    unit: Unit
    max_carry_years: int = Field(default=0, ge=0)
    values: dict[str, list[Dated]]


@lru_cache(maxsize=4)
def load(*, synthetic: bool = False, counties: Path | None = None) -> Policy:
    """As `read`, once: what is changed in the files counts from the next start.

    Raises:
        PolicyError: with every fault of every file.
    """
    return read(synthetic=synthetic, counties=counties)


def read(*, synthetic: bool = False, counties: Path | None = None) -> Policy:
    """The shipped policy, with the overlays of another folder laid over it.

    Args:
        synthetic: the made-up lines of synthetic registers instead of the real ones.
        counties: a folder of overlays, each named after its area code; one takes the place of the shipped one of its region.

    Raises:
        PolicyError: with every fault of every file.
    """
    files = {path.stem: path for path in sorted(PARAMETERS.glob("*.yaml"))}
    if synthetic:
        files |= {path.stem: path for path in sorted(SYNTHETIC.glob("*.yaml"))}
    faults: list[str] = []
    said_of = {name: source.read(path, ParameterFile, faults) for name, path in files.items()}
    unread = frozenset(name for name, file in said_of.items() if file.said is None)
    parameters = {name: _parameter(file, file.said, faults) for name, file in said_of.items() if file.said is not None}
    if counties is not None and not counties.is_dir():
        raise PolicyError(f"没有此文件夹 there is no folder {counties}: name the one that holds the county files, 450422.yaml say")
    overlays = county_files(counties)
    packs = read_packs({name: parameter.unit for name, parameter in parameters.items()}, faults, overlays, unread)
    if faults:
        faults.sort(key=_place)
        shown = "\n  ".join(faults[:MOST_FAULTS])
        raise PolicyError(f"the policy files have faults 政策文件有误，请按行号改正 mend the lines named ({len(faults)}):\n  {shown}")
    said = [
        *files.values(),
        *sorted(HERE.glob("rules/*.yaml")),
        *overlays,
    ]
    version = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in said)).hexdigest()[:12]
    return Policy(_with_overlays(parameters, packs, synthetic=synthetic), ("synthetic-" if synthetic else "") + version, packs)


def _with_overlays(parameters: dict[str, Parameter], packs: Packs, *, synthetic: bool) -> list[Parameter]:
    """Parameters with the values that counties give of their own; a synthetic register's lines are the made-up ones everywhere."""
    laid = []
    for name, parameter in parameters.items():
        values = dict(parameter.values)
        if not (synthetic and (SYNTHETIC / f"{name}.yaml").exists()):
            values |= {
                overlay.region: tuple(map(_value, overlay.parameters[name]))
                for overlay in packs.overlays.values()
                if name in overlay.parameters
            }
        laid.append(Parameter(name, parameter.zh, parameter.en, parameter.unit, parameter.max_carry_years, values))
    return laid


def _value(said: Dated) -> Value:
    return Value(said.start, said.value, said.reference, said.grade)


def _place(fault: str) -> tuple[str, int]:
    file, line, _ = fault.split(":", 2)
    return file, int(line)


def _parameter(file: Read[ParameterFile], said: ParameterFile, faults: list[str]) -> Parameter:
    for region, dated in said.values.items():
        faults.extend(file.fault(("values", region, at), OUT_OF_ORDER) for at in out_of_order(dated))
        for at, value in enumerate(dated):
            if (what := beyond(value, said.unit) or unlisted(value.reference)) is not None:
                faults.append(file.fault(("values", region, at), what))
    values = {region: tuple(map(_value, dated)) for region, dated in said.values.items()}
    return Parameter(file.path.stem, said.zh, said.en, said.unit, said.max_carry_years, values)
