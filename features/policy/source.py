"""Reads a policy file and says of every fault in which line it stands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

T = TypeVar("T", bound=BaseModel)

LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times faster
SAID = {
    "extra_forbidden": "unknown entry 未知条目",
    "missing": "is missing 缺少",
}


class Said(BaseModel):
    """Part of a policy file: nothing may stand in it that is not declared, and once read it does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def read(path: Path, shape: type[T], faults: list[str]) -> T | None:
    """The content of a file, as the shape that it must have.

    Args:
        path: of the YAML file.
        shape: what may stand in it.
        faults: every fault is added as "file:line: what is wrong"; all of them, not only the first.

    Returns:
        what was read; None where there was a fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
        aliases = [event for event in yaml.parse(text, LOADER) if isinstance(event, yaml.AliasEvent)]
        loader = LOADER(text)
        tree = loader.get_single_node()
        content = None if tree is None or aliases else loader.construct_document(tree)
    except UnicodeDecodeError:
        faults.append(f"{path.name}:1: is no UTF-8 text 不是 UTF-8 文本; save it as UTF-8 请另存为 UTF-8")
        return None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        faults.append(f"{path.name}:{line}: is no YAML 不是合法的 YAML: {error.problem}")
        return None
    except yaml.YAMLError as error:
        faults.append(f"{path.name}:1: is no YAML 不是合法的 YAML: {error}")
        return None
    if aliases:
        line = aliases[0].start_mark.line + 1 if aliases[0].start_mark else 1
        faults.append(f"{path.name}:{line}: *{aliases[0].anchor}: write it out 不用别名，请写全")
        return None
    for line, key in _repeated(tree):
        faults.append(f"{path.name}:{line}: {key} stands here twice 重复条目")
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        for fault in error.errors():
            where = [part for part in fault["loc"] if part in (*_keys(tree), *range(10_000))] or fault["loc"]
            name = ".".join(str(part) for part in fault["loc"])
            said = SAID.get(fault["type"]) or fault["msg"].removeprefix("Value error, ").replace("Input should be", "内容不符 should be")
            faults.append(f"{path.name}:{_line(tree, where)}: {name}: {said}")
        return None


def line(path: Path, where: Sequence[int | str]) -> int:
    """The line in which a place of a file stands: keys, and numbers for the entries of lists."""
    return _line(LOADER(path.read_text(encoding="utf-8")).get_single_node(), where)


def _keys(node: yaml.Node | None) -> set[str]:
    """Every key of a file: parts of a fault's place that are none of them name kinds of content, not places."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value) for key, _ in node.value} | {name for _, below in node.value for name in _keys(below)}
    if isinstance(node, yaml.SequenceNode):
        return {name for below in node.value for name in _keys(below)}
    return set()


def _line(node: yaml.Node | None, where: Sequence[int | str]) -> int:
    """The line of the deepest part of a place that is there."""
    line = 1
    for part in where:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, below) for key, below in node.value if str(key.value) == str(part)), None)
            if found is None:
                return node.start_mark.line + 1
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _repeated(node: yaml.Node | None) -> list[tuple[int, str]]:
    """Keys that stand twice in one place, of which YAML would silently take the last."""
    found: list[tuple[int, str]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, below in node.value:
            if str(key.value) in seen:
                found.append((key.start_mark.line + 1, str(key.value)))
            seen.add(str(key.value))
            found += _repeated(below)
    elif isinstance(node, yaml.SequenceNode):
        for below in node.value:
            found += _repeated(below)
    return found
