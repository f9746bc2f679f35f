"""Reads a policy file and says of every fault in which line it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from yaml.constructor import SafeConstructor

T = TypeVar("T", bound=BaseModel)
Where = Sequence[int | str]
Place = tuple[int | str, ...]
Step = tuple[yaml.Node, Any]  # what something stands in, and what stands there

LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times faster
SAID = {
    "extra_forbidden": "unknown entry 未知条目",
    "missing": "is missing 缺少",
}
PATTERNS = {
    r"\S": "is blank 空白",
    r"^[a-z][a-z0-9_]*$": "is no name: small letters, digits and _, a letter first 名称只用小写字母、数字和下划线，字母开头",
}
AT_FAULT = "at_fault"
STAND_INS = {
    **dict.fromkeys(("zh", "en", "reference", "department"), "'?'"),
    **dict.fromkeys(("id", "profile", "system", "unit", "incidence", "parameter", "at_least"), AT_FAULT),
    **{"grade": "proposal", "value": "null", "period": "ever", "risk": "disaster", "received": "dibao"},
    "when": f"{{fact: {AT_FAULT}, is: true}}",
}
"""What stands in for content at fault, by its key, so that what is beside it is checked all the same; of the name nothing is told."""
NAMING = ("id", "profile")  # what a rule is called by others
TAG = "tag:yaml.org,2002:"
_START = yaml.Mark("", 0, 0, 0, "", 0)
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NOT_DECIMAL = re.compile(r"[-+]?(?:0[0-9_xXbB]|.*:)")


class Said(BaseModel):
    """Part of a policy file: nothing may stand in it that is not declared, and once read it does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something written as a day or a number that is none: of no type that a file may hold, so every place refuses it."""

    text: str


class _Plain(SafeConstructor):
    """Days must be of the calendar; numbers are decimal, where YAML would read 12:30 by sixties and 010 by eights."""

    def plain(self, node: yaml.ScalarNode) -> object:
        if node.tag in (f"{TAG}int", f"{TAG}float") and _NOT_DECIMAL.match(str(node.value)):
            return Unreadable(str(node.value))
        try:
            found: object = SafeConstructor.yaml_constructors[node.tag](self, node)
        except (ValueError, AttributeError, KeyError, OverflowError):  # what PyYAML lets through of a text that is not of its tag
            return Unreadable(str(node.value))
        return found


_PLAIN: dict[str | None, Any] = {TAG + tag: _Plain.plain for tag in ("int", "float", "bool", "timestamp")}
_Plain.yaml_constructors = {**SafeConstructor.yaml_constructors, **_PLAIN}


class Tree:
    """What stands where in a file, also after parts of it were left out."""

    def __init__(self, root: yaml.Node) -> None:
        self.root = root
        self.left_out: set[str] = set()
        self._numbers = dict(_numbers(root))

    def content(self) -> object:
        """What the file says, without what was left out."""
        return _Plain().construct_document(self.root)

    def find(self, where: Where) -> tuple[Place, int, list[Step]]:
        """A place as the file numbers it, its line, and the steps to it.

        What is not there is passed over, for pydantic names kinds of content among the places.
        """
        node, line = self.root, 1
        place: list[int | str] = []
        steps: list[Step] = []
        for part in where:
            if isinstance(node, yaml.MappingNode):
                found = next((item for item in node.value if str(item[0].value) == str(part)), None)
                line = (node if found is None else found[0]).start_mark.line + 1
                if found is not None:
                    place.append(part)
                    steps.append((node, found))
                    node = found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                steps.append((node, node.value[part]))
                node = node.value[part]
                place.append(self._numbers[id(node)])
                line = node.start_mark.line + 1
        return tuple(place), line, steps

    def leave_out(self, step: Step) -> None:
        """Takes something out, and keeps the names that it would have told."""
        node, item = step
        node.value = [other for other in node.value if other is not item]
        for below in item if isinstance(item, tuple) else (item,):
            self.left_out |= set(_names(below))

    def put(self, node: yaml.Node, key: str, text: str) -> None:
        """Puts content, as a file would say it, under a key, in the place of what stands there; keeps the names as `leave_out` does."""
        for item in [item for item in node.value if str(item[0].value) == key]:
            self.leave_out((node, item))
        self.left_out.add(AT_FAULT)
        mark = node.start_mark
        node.value = [*node.value, (yaml.ScalarNode(f"{TAG}str", key, mark, mark), LOADER(text).get_single_node())]


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """A file as far as it can be read.

    Attributes:
        said: what it says, without the parts that are at fault; None where nothing can be read.
        left_out: names that the parts at fault tell, or may tell: that there is nothing of such a name would only follow from them.
    """

    path: Path
    said: T | None
    left_out: frozenset[str]
    tree: Tree | None = None

    def fault(self, where: Where, what: str) -> str:
        """A fault as "file:line: place: what is wrong"."""
        place, line, _ = self.tree.find(where) if self.tree is not None else (tuple(where), 1, [])
        return f"{self.path.name}:{line}: {'.'.join(map(str, place))}: {what}"


def read(path: Path, shape: type[T], faults: list[str]) -> Read[T]:
    """The content of a file, as the shape that it must have; where a part of it does not, the rest.

    Args:
        path: of the YAML file.
        shape: what may stand in it.
        faults: every fault is added as "file:line: what is wrong"; all of them, not only the first.
    """
    data = path.read_bytes()
    found = _tree(data, path, faults)
    if found is None:
        return Read(path, None, frozenset(_NAME.findall(data.decode("utf-8", errors="replace"))))
    for line, key in _repeated(found.root):
        faults.append(f"{path.name}:{line}: {key} stands here twice 重复条目")
    said = _as_far_as_possible(found, shape, path, faults)
    names = found.left_out if said is not None else found.left_out | set(_NAME.findall(data.decode("utf-8")))
    return Read(path, said, frozenset(names), found)


def _tree(data: bytes, path: Path, faults: list[str]) -> Tree | None:
    """The file as a tree; None where it is none, with the fault told."""
    try:
        text = data.decode("utf-8")
        alias = next((event for event in yaml.parse(text, LOADER) if isinstance(event, yaml.AliasEvent)), None)
        if alias is not None:
            line = alias.start_mark.line + 1 if alias.start_mark else 1
            faults.append(f"{path.name}:{line}: *{alias.anchor}: write it out 不用别名，请写全")
            return None
        root = LOADER(text).get_single_node() or yaml.ScalarNode(f"{TAG}null", "", _START, _START)
        tree = Tree(root)
        tree.content()
    except UnicodeDecodeError:
        faults.append(f"{path.name}:1: is no UTF-8 text 不是 UTF-8 文本; save it as UTF-8 请另存为 UTF-8")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        faults.append(f"{path.name}:{line}: is no YAML 不是合法的 YAML: {error.problem}")
    except yaml.YAMLError as error:
        faults.append(f"{path.name}:1: is no YAML 不是合法的 YAML: {error}")
    else:
        return tree
    return None


def _as_far_as_possible(tree: Tree, shape: type[T], path: Path, faults: list[str]) -> T | None:
    """What a file says without what is at fault in it.

    Only that is left out, and the rest read again, as often as need be. Worked example: in a trigger without `period`, of which `when` is
    `{all: [{fact: nofact, at_least: 1}, {fact: 5, at_least: 1}]}`, a period stands in for the one that is missing and the second test is
    left out; what remains is a trigger, so that the first test can be asked for its fact. What is missing and has no stand-in takes with
    it what it is missing from, and so on outwards.
    """
    mended: set[Place] = set()
    stood_in: set[Place] = set()
    while True:
        try:
            return shape.model_validate(tree.content())
        except ValidationError as error:
            found: dict[Place, tuple[ErrorDetails, int, list[Step], list[str]]] = {}
            for fault in error.errors():
                place, line, steps = tree.find(fault["loc"])
                full = (*place, fault["loc"][-1]) if fault["type"] == "missing" else place
                found.setdefault(full, (fault, line, steps, []))[3].append(_said(fault))
        before = frozenset(mended)
        for place, (fault, line, steps, said) in found.items():
            if not _follows(place, fault["type"], said[0], before):
                faults.append(f"{path.name}:{line}: {'.'.join(map(str, place))}: {' / '.join(dict.fromkeys(said))}")
            missing = fault["type"] == "missing"
            text = f"'{path.stem}'" if place == ("region",) else STAND_INS.get(str(place[-1]) if place else "")
            mended.add(place)
            if text is not None and place not in stood_in:
                tree.put(steps[-1][0] if not missing else _reached(tree, steps), str(place[-1]), text)
                stood_in.add(place)
            elif steps:
                tree.leave_out(steps[-1])
                mended.add(place[:-1] if missing else place)
            else:
                return None


def _reached(tree: Tree, steps: list[Step]) -> yaml.Node:
    """Where the steps lead."""
    item = steps[-1][1] if steps else tree.root
    reached: yaml.Node = item[1] if isinstance(item, tuple) else item
    return reached


def _follows(place: Place, kind: str, said: str, mended: Set[Place]) -> bool:
    """Whether a fault is only that of what was mended: it stands there, or what it stands in lost a part that it needs."""
    within = place[:-1] if kind == "missing" else place
    lost = (kind != "value_error" or said.startswith("give ")) and any(one[:-1] == within for one in mended)
    return place in mended or lost


def _said(fault: ErrorDetails) -> str:
    if isinstance(fault["input"], Unreadable):
        return f"{fault['input'].text} is no day or decimal number 不是存在的日期或十进制数"
    if fault["type"] == "string_pattern_mismatch" and (said := PATTERNS.get(fault["ctx"]["pattern"])):
        return said
    if fault["type"] == "too_short":
        return f"at least {fault['ctx']['min_length']} needed 至少写 {fault['ctx']['min_length']} 项"
    if fault["type"] == "string_type" and type(fault["input"]) in (int, float):
        return f'write it in quotes 请加引号: "{fault["input"]}"'
    return SAID.get(fault["type"]) or fault["msg"].removeprefix("Value error, ").replace("Input should be", "内容不符 should be")


def _names(node: yaml.Node) -> Iterator[str]:
    """Every key of a part of a file, and every text that may be a name."""
    if isinstance(node, yaml.MappingNode):
        for key, below in node.value:
            yield str(key.value)
            if key.value in NAMING or not isinstance(below, yaml.ScalarNode):
                yield from _names(below)
    elif isinstance(node, yaml.SequenceNode):
        for below in node.value:
            yield from _names(below)
    else:
        yield str(node.value)


def _numbers(node: yaml.Node) -> Iterator[tuple[int, int]]:
    """The place of every entry of a list, as the file numbers it."""
    if isinstance(node, yaml.MappingNode):
        for _, below in node.value:
            yield from _numbers(below)
    elif isinstance(node, yaml.SequenceNode):
        for at, below in enumerate(node.value):
            yield id(below), at
            yield from _numbers(below)


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
