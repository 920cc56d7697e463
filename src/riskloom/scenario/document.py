"""YAML that remembers its lines, and the collector of faults that quotes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from riskloom.domain.duration import parse_duration
from riskloom.errors import Fault, ScenarioInvalid, nearest, show

Path = tuple[str | int, ...]
DEPTH_LIMIT = 40


@dataclass(slots=True)
class Document:
    """Plain data with the line of each of its paths, and the faults found in it so far."""

    file: str
    data: Any
    lines: Mapping[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, path: Path, expected: str, got: str = "", hint: str = "") -> None:
        """Note a fault at `path`, with its line."""
        self.faults.append(Fault(spell(path), expected, got, hint, self.file, self.line(path)))

    def line(self, path: Path) -> int:
        """The line of a path, or of its nearest parent; 0 for data that came from no file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def mapping(self, value: object, path: Path, known: Iterable[str] | None = None) -> dict[str, Any]:
        """`value` as a mapping; unknown keys are faults that name the nearest known one."""
        if value is None:
            value = {}
        if not isinstance(value, dict):
            self.fault(path, "a mapping", show(value))
            return {}
        if known is not None:
            names = tuple(known)
            for key in value:
                if key not in names:
                    hint = nearest(str(key), names)
                    self.fault((*path, str(key)), f"one of {', '.join(names)}", show(key), hint)
        return value

    def items(self, value: object, path: Path) -> list[Any]:
        """`value` as a list."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(path, "a list", show(value))
            return []
        return value

    def text(self, holder: Mapping[str, Any], key: str, path: Path, default: str | None = None) -> str:
        """A text value; without `default` it must be there."""
        value = holder.get(key, default)
        if not isinstance(value, str) or (default is None and not value):
            self.fault((*path, key), "text", "nothing" if value is None else show(value))
            return default or ""
        return value

    def flag(self, holder: Mapping[str, Any], key: str, path: Path, default: bool) -> bool:
        """A true or false value."""
        value = holder.get(key, default)
        if not isinstance(value, bool):
            self.fault((*path, key), "true or false", show(value))
            return default
        return value

    def choice(
        self, holder: Mapping[str, Any], key: str, path: Path, known: Iterable[str], default: str | None = None
    ) -> str:
        """One of the `known` names."""
        names = tuple(known)
        value = holder.get(key, default)
        if value not in names:
            got = "nothing" if value is None else show(value)
            self.fault((*path, key), f"one of {', '.join(names)}", got, nearest(str(value), names))
            return default if default is not None else names[0]
        return str(value)

    def duration(self, holder: Mapping[str, Any], key: str, path: Path, default: str) -> int:
        """A duration such as 5m or 30d, in microseconds."""
        value = holder.get(key, default)
        try:
            return parse_duration(value if isinstance(value, str) else "")
        except ValueError:
            self.fault((*path, key), "a duration such as 5m, 1h or 30d", show(value))
            return parse_duration(default)

    def finish(self) -> None:
        """Raise what was found, if anything, in the order of its lines."""
        if self.faults:
            raise ScenarioInvalid(sorted(self.faults, key=lambda fault: (fault.file, fault.line)))


def spell(path: Path) -> str:
    """A path as text: `features[3].window`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "document"


def read_document(text: str, file: str) -> Document:
    """Parse YAML text.

    Raises
    ------
    ScenarioInvalid
        When it is not YAML, or holds duplicate keys, aliases or very deep nesting.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        problem = getattr(error, "problem", None) or str(error)
        raise ScenarioInvalid(Fault("document", "YAML", str(problem), file=file, line=line)) from error
    except RecursionError as error:
        raise ScenarioInvalid(Fault("document", "YAML nested less deeply", file=file)) from error
    document = Document(file, None, {})
    lines: dict[Path, int] = {}
    document.lines = lines
    seen: set[int] = set()
    document.data = None if root is None else _plain(root, (), document, lines, seen)
    return document


def _plain(node: yaml.Node, path: Path, document: Document, lines: dict[Path, int], seen: set[int]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if id(node) in seen or len(path) > DEPTH_LIMIT:
        document.fault(path, "a value written out", "an alias or very deep nesting")
        return None
    if isinstance(node, yaml.MappingNode):
        seen.add(id(node))
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in result:
                document.fault((*path, key), "each key once", "a second one")
            lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = _plain(value_node, (*path, key), document, lines, seen)
        return result
    if isinstance(node, yaml.SequenceNode):
        seen.add(id(node))
        return [_plain(item, (*path, at), document, lines, seen) for at, item in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    if node.tag == "tag:yaml.org,2002:float" or node.tag == "tag:yaml.org,2002:timestamp":
        return _float(node.value) if node.tag.endswith("float") else node.value
    loader = yaml.SafeLoader("")
    return loader.construct_object(node) if node.tag.startswith("tag:yaml.org,2002:") else node.value


def _float(text: str) -> float | str:
    try:
        return float(text.replace("_", ""))
    except ValueError:
        return text
