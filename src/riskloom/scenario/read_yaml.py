"""YAML that remembers its lines. Plain values only: no aliases of lists or mappings, no tags."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from riskloom.errors import Fault, ScenarioInvalid, show
from riskloom.scenario.document import Document, Path

DEPTH_LIMIT = 40
INTEGER_LIMIT = 2**63
_TAG = "tag:yaml.org,2002:"
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def read_document(text: str, file: str) -> Document:
    """Parse YAML text; duplicate keys, aliases, tags and deep nesting are noted as faults of the document.

    Raises
    ------
    ScenarioInvalid
        When it is not YAML.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        line = mark.line + 1 if mark else 0
        raise ScenarioInvalid(Fault("document", "YAML", str(problem), file=file, line=line)) from error
    except (ValueError, RecursionError) as error:  # an escape beyond Unicode; nesting beyond the stack
        expected = "YAML nested less deeply" if isinstance(error, RecursionError) else "YAML"
        raise ScenarioInvalid(Fault("document", expected, str(error), file=file)) from error
    reader = _Reader(file)
    if root is not None:
        reader.document.data = reader.value(root, ())
    return reader.document


class _Reader:
    """Makes plain values of YAML nodes; what is visited twice is an alias."""

    def __init__(self, file: str) -> None:
        self.lines: dict[Path, int] = {}
        self.document = Document(file, None, self.lines)
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._seen or len(path) > DEPTH_LIMIT:
            self.document.fault(path, "a value written out", "an alias or very deep nesting")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return [self.value(item, (*path, at)) for at, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or _UNFIT.search(key_node.value):
                self.lines.setdefault((*path, "?"), line)
                self.document.fault((*path, "?"), "a name as key", "something else")
                continue
            key = str(key_node.value)
            self.lines[(*path, key)] = line
            if key in result:
                self.document.fault((*path, key), "each key once", "a second one")
            result[key] = self.value(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        kind = node.tag.removeprefix(_TAG)
        text = str(node.value)
        if kind not in ("str", "int", "float", "bool", "null", "timestamp"):
            self.document.fault(path, "a plain value", f"the tag {show(node.tag)}")
            return None
        if _UNFIT.search(text):
            self.document.fault(path, "text without control characters", show(text))
            return None
        if kind in ("str", "timestamp"):
            return text
        value = _plain(node, kind, text)
        if value is None and kind != "null":
            self.document.fault(path, f"a finite {kind} that fits 64 bits", show(text))
        return value


def _plain(node: yaml.ScalarNode, kind: str, text: str) -> Any:
    """The value of a scalar; None where the text is none of its kind."""
    try:
        if kind == "float":
            number = float(text.replace("_", ""))
            return number if math.isfinite(number) else None
        value = yaml.SafeLoader("").construct_object(node)
    except (ValueError, KeyError, IndexError, OverflowError, yaml.YAMLError):
        return None
    return None if kind == "int" and abs(value) >= INTEGER_LIMIT else value
