"""Rule packs: rules that come with Riskloom, taken into a scenario by name.

A pack says what it needs: fields, derived columns and features, each as it could be declared. A scenario that
calls one otherwise says so (`with`). Bundles hold the rules written out, so a later pack changes none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from riskloom.errors import nearest, show
from riskloom.expression.parse import read
from riskloom.expression.tree import Name, walk
from riskloom.rules.rule_set import PLACEHOLDER, WRITTEN
from riskloom.scenario.document import Document, Path
from riskloom.scenario.read_yaml import read_document

_FOLDER = resources.files("riskloom") / "rules" / "packs"
_KEYS = ("include", "rules")
_INCLUDE_KEYS = ("pack", "with", "action")


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack; `needs` are names with how each could be declared: a field, a derived column or a feature."""

    name: str
    describe: str
    needs: Mapping[str, Mapping[str, Mapping[str, Any]]]
    rules: tuple[Mapping[str, Any], ...]


def pack_names() -> tuple[str, ...]:
    """The packs there are."""
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load_pack(name: str) -> Pack:
    """A pack by its name, which must be one of `pack_names`."""
    path = _FOLDER / f"{name}.yaml"
    document = read_document(path.read_text(encoding="utf-8"), str(path))
    document.finish()
    data = document.data
    return Pack(data["pack"], data["describe"], data["needs"], tuple(data["rules"]))


def expand_packs(document: Document, known: Mapping[str, object]) -> None:
    """Write the rules of the packs that a rules document includes behind its own rules.

    Parameters
    ----------
    document
        A list of rules, or a mapping of `include` and `rules`; a list afterwards. Faults of a pack's rule
        stand at the line that includes it.
    known
        The names that rules may use.
    """
    if not isinstance(document.data, dict):
        return
    spec = document.mapping(document.data, (), _KEYS)
    rules = list(document.items(spec.get("rules"), ("rules",)))
    lines = {path[1:]: line for path, line in document.lines.items() if path[:1] == ("rules",)}
    for at, given in enumerate(document.items(spec.get("include"), ("include",))):
        path: Path = ("include", at)
        for rule in _included(document, given, path, known):
            lines[(len(rules),)] = document.line(path)
            rules.append(rule)
    document.data, document.lines = rules, lines


def _included(
    document: Document, given: object, path: Path, known: Mapping[str, object]
) -> list[dict[str, Any]]:
    spec = document.mapping(given if isinstance(given, dict) else {"pack": given}, path, _INCLUDE_KEYS)
    names = pack_names()
    name = spec.get("pack")
    if name not in names:
        got = "nothing" if name is None else show(name)
        document.fault(path, f"a pack of {', '.join(names)}", got, nearest(str(name), names))
        return []
    pack = load_pack(str(name))
    called = document.mapping(spec.get("with"), (*path, "with"), pack.needs)
    before = len(document.faults)
    for need, declared in pack.needs.items():
        own = called.get(need, need)
        if not isinstance(own, str) or own not in known:
            hint = f"declare it as {_spell(need, declared)}; `with: {{{need}: ...}}` if it has another name"
            document.fault(path, f"{need}, which the pack {name} needs", show(own), hint)
    action = (
        document.choice(spec, "action", path, [one.value for one in WRITTEN], "") if "action" in spec else ""
    )
    if len(document.faults) > before:
        return []
    changed = {"action": action} if action else {}
    return [{**_renamed(rule, called), **changed} for rule in pack.rules]


def _spell(name: str, declared: Mapping[str, Mapping[str, Any]]) -> str:
    """How a need is declared, as YAML."""
    ((kind, how),) = declared.items()
    told = ", ".join(f"{key}: {_plain(value)}" for key, value in how.items())
    return (
        f"{{name: {name}, {told}}} in features"
        if kind == "feature"
        else f"{name}: {{{told}}} in event.{'fields' if kind == 'field' else kind}"
    )


def _plain(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(str(item) for item in value)}]"
    return f'"{value}"' if re.search("[ :,{}]", str(value)) else str(value)


def _renamed(rule: Mapping[str, Any], called: Mapping[str, str]) -> dict[str, Any]:
    """A pack's rule in the names of a scenario."""
    made = dict(rule)
    for key in ("when", "value", "usual"):
        if key in made:
            made[key] = _expression(str(made[key]), called)
    if "evidence" in made:
        made["evidence"] = called.get(made["evidence"], made["evidence"])
    made["message"] = PLACEHOLDER.sub(
        lambda match: "{" + called.get(match[1], match[1]) + (f":{match[2]}" if match[2] else "") + "}",
        made["message"],
    )
    made["examples"] = [
        {kind: {called.get(name, name): value for name, value in values.items()}}
        for example in made["examples"]
        for kind, values in example.items()
    ]
    return made


def _expression(text: str, called: Mapping[str, str]) -> str:
    """An expression with its names replaced."""
    tree, _ = read(text)
    names = {node.span.start: node for node in walk(tree) if isinstance(node, Name)}
    for start in sorted(names, reverse=True):
        node = names[start]
        text = text[:start] + called.get(node.name, node.name) + text[node.span.end :]
    return text
