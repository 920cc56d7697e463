"""Plain data that remembers its lines, and the collector of faults that quotes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from riskloom.domain.duration import DAY_US, format_duration, parse_duration
from riskloom.errors import Fault, ScenarioInvalid, nearest, show

Path = tuple[str | int, ...]
LONGEST_US = 3660 * DAY_US
"""No duration of a scenario is longer, so that times with durations added still fit their integers."""


@dataclass(slots=True)
class Document:
    """Plain data with the line of each of its paths, and the faults found in it so far."""

    file: str
    data: Any
    lines: Mapping[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    root: Path = ()
    """Where the data stands in its file, when it is a section of one."""

    def fault(self, path: Path, expected: str, got: str = "", hint: str = "") -> None:
        """Note a fault at `path`, with its line."""
        where = spell((*self.root, *path))
        self.faults.append(Fault(where, expected, got, hint, self.file, self.line(path)))

    def line(self, path: Path) -> int:
        """The line of a path, or of its nearest parent; 0 for data that came from no file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def section(self, key: str, data: object) -> Document:
        """The data of one key as a document of its own; its faults name its place in this file."""
        lines = {path[1:]: line for path, line in self.lines.items() if path and path[0] == key}
        return Document(self.file, data, lines, root=(*self.root, key))

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
        self,
        holder: Mapping[str, Any],
        key: str,
        path: Path,
        known: Iterable[str],
        default: str | None = None,
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
            duration_us = parse_duration(value if isinstance(value, str) else "")
        except ValueError:
            self.fault((*path, key), "a duration such as 5m, 1h or 30d", show(value))
            return parse_duration(default)
        if duration_us > LONGEST_US:
            self.fault((*path, key), f"a duration of at most {format_duration(LONGEST_US)}", show(value))
            return parse_duration(default)
        return duration_us

    def finish(self) -> None:
        """Raise what was found, if anything, each once, in the order of its lines."""
        if self.faults:
            once = dict.fromkeys(self.faults)
            raise ScenarioInvalid(sorted(once, key=lambda fault: (fault.file, fault.line)))


def spell(path: Path) -> str:
    """A path as text: `features[3].window`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "document"
