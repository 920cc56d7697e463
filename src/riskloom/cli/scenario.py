"""`riskloom scenario show | check | new`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from riskloom.cli.console import complete_scenario, print_json, print_table, say
from riskloom.domain.duration import format_duration
from riskloom.errors import Fault, ParameterInvalid
from riskloom.scenario.event_section import is_name
from riskloom.scenario.load import SHIPPED, load_scenario, shipped_scenarios

app = typer.Typer(no_args_is_help=True)
Named = Annotated[
    str,
    typer.Argument(help="A shipped scenario, a folder, or a YAML file.", autocompletion=complete_scenario),
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command()
def show(scenario: Named = "card_payments", as_json: AsJson = False) -> None:
    """Show the fields, features and rules of a scenario."""
    found = load_scenario(scenario)
    if as_json:
        print_json({name: found.parts[name] for name in found.parts})
        return
    say(f"{found.name}: {found.describe}")
    say(
        f"money in {found.base_currency}, hours in {found.timezone}, events up to"
        f" {format_duration(found.max_lateness_us)} late; fingerprint {found.fingerprint()[:12]}"
    )
    fields = [
        (f.name, f.type, f.entity, "yes" if f.required else "no", "yes" if f.pii else "")
        for f in found.fields
    ]
    print_table(("field", "type", "entity", "required", "personal"), fields)
    rules = [(rule.code, rule.severity, rule.action, rule.when.text) for rule in found.rules]
    print_table(("rule", "severity", "action", "when"), rules)
    if found.lists:
        lists = [(s.name, ", ".join(s.of), s.kind, len(s.entries), s.describe) for s in found.lists]
        print_table(("list", "of", "by itself", "entries", "what it is"), lists)
    say(f"{len(found.features)} features: riskloom features list --scenario {scenario}")


@app.command()
def check(scenario: Named) -> None:
    """Check a scenario and its rules' examples; each fault is named with its line. Faults: exit code 2."""
    found = load_scenario(scenario)
    held = f"{len(found.fields)} fields, {len(found.features)} features, {len(found.rules)} rules"
    say(f"{found.name} is sound: {held}")


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    like: Annotated[
        str, typer.Option(help="The shipped scenario to start from.", autocompletion=complete_scenario)
    ] = "card_payments",
) -> None:
    """Start a scenario of your own from a shipped one."""
    if like not in shipped_scenarios():
        raise ParameterInvalid(Fault("--like", f"one of {', '.join(shipped_scenarios())}", repr(like)))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        came = "files in it" if folder.is_dir() else "a file"
        raise ParameterInvalid(Fault(str(folder), "a new or empty folder", came))
    folder.mkdir(parents=True, exist_ok=True)
    for entry in Path(str(SHIPPED / like)).glob("*.yaml"):
        shutil.copyfile(entry, folder / entry.name)
    path = folder / "scenario.yaml"
    name = re.sub("[^a-z0-9]+", "_", folder.resolve().name.lower()).strip("_")
    if is_name(name):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f"scenario: {like}", f"scenario: {name}", 1), encoding="utf-8")
    load_scenario(folder)
    say(f"{folder}/scenario.yaml is yours: edit it, then riskloom scenario check {folder}")
