"""The registry's page says what is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import typer

from riskloom.adapters import bundles
from riskloom.cli.models import app
from riskloom.domain.stage import ALLOWED, Stage

PAGE = (Path(__file__).parents[2] / "docs" / "registry.md").read_text()


def test_the_pages_python_runs() -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(snippet, "registry.md", "exec"), {})  # noqa: S102 - our own page


def test_every_command_of_the_page_exists_and_none_is_forgotten() -> None:
    commands = getattr(typer.main.get_command(app), "commands")  # noqa: B009 - groups have it
    used = set()
    for line in PAGE.splitlines():
        if line.startswith("riskloom models "):
            name, *words = shlex.split(line)[2:]
            known = {option for parameter in commands[name].params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= known, line
            used.add(name)
    assert used == set(commands)


def test_the_pages_table_of_moves_is_the_machines() -> None:
    section = PAGE.partition("## Stages")[2].partition("## The history")[0]
    for origin in Stage:
        (row,) = re.findall(rf"^\| {origin} \| (.*) \|$", section, re.MULTILINE)
        told = {stage for stage in Stage for part in re.split("[,;:]", row) if part.split()[:1] == [stage]}
        by_rollback = {Stage.CHAMPION: {Stage.RETIRED}, Stage.RETIRED: {Stage.CHAMPION}}.get(origin, set())
        assert told == set(ALLOWED[origin]) | by_rollback, origin


def test_every_kind_of_store_is_on_the_page() -> None:
    for kind in bundles.names():
        assert f"**{kind.capitalize() if kind != 'mlflow' else 'MLflow'}.**" in PAGE
