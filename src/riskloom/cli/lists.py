"""`riskloom lists` and `riskloom switches`: what people change of a running server's policy."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskloom.cli.console import print_json, print_table, say

if TYPE_CHECKING:
    from riskloom.client import Client

app = typer.Typer(no_args_is_help=True)
switches_app = typer.Typer(no_args_is_help=True)
To = Annotated[str, typer.Option(help="The server's address.")]
Scenario = Annotated[
    str | None, typer.Option("--scenario", "-s", help="The server's first one if not given.")
]
Key = Annotated[
    str | None, typer.Option(envvar="RISKLOOM_API_KEY", help="The shared key, where the server has one.")
]
Author = Annotated[str | None, typer.Option(help="Who; your user name when not given.")]
Reason = Annotated[str, typer.Option(help="Why; it stays in the history.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
LOCAL = "http://127.0.0.1:8000"


@app.command("show")
def show_lists(
    name: Annotated[str | None, typer.Argument(help="Who is on this list; all lists if not given.")] = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show the lists of a scenario, or who is on one; of personal fields the keys."""
    with open_client(to, api_key) as client:
        found = client.lists(scenario) if name is None else client.list_entries(name, scenario)
    if as_json:
        print_json(found)
        return
    keys = ("name", "kind", "of", "entries", "describe") if name is None else _ENTRY
    print_table(keys, [tuple(shown(row[key]) for key in keys) for row in found])


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The list.")],
    values: Annotated[list[str], typer.Argument(help="Who comes on it.")],
    until: Annotated[str | None, typer.Option(help="When that ends, ISO 8601; never if not given.")] = None,
    reason: Reason = "",
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Put values on a list; they hold from the next event on."""
    entries = [{"value": value, "until": until, "reason": reason, "author": who(author)} for value in values]
    with open_client(to, api_key) as client:
        _tell(client.add_entries(name, entries, scenario))


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The list.")],
    value: Annotated[str, typer.Argument(help="Who leaves it.")],
    reason: Reason = "",
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Take a value off a list."""
    with open_client(to, api_key) as client:
        _tell(client.remove_entry(name, value, reason, who(author), scenario))


@app.command("import")
def import_csv(
    name: Annotated[str, typer.Argument(help="The list.")],
    data: Annotated[Path, typer.Argument(help="CSV: value, from, until, reason, author.")],
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Put the values of a CSV on a list: all of them, or none and every fault by its line."""
    with open_client(to, api_key) as client:
        _tell(client.import_entries(name, data.read_bytes(), who(author), scenario))


@app.command("export")
def export_csv(
    name: Annotated[str, typer.Argument(help="The list.")],
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Write who is on a list as CSV to standard output."""
    with open_client(to, api_key) as client:
        typer.echo(client.export_entries(name, scenario), nl=False)


@switches_app.command("show")
def show_switches(
    to: To = LOCAL, scenario: Scenario = None, api_key: Key = None, as_json: AsJson = False
) -> None:
    """Show what is switched off, and who switched what before."""
    with open_client(to, api_key) as client:
        found = client.switches(scenario)
    if as_json:
        print_json(found)
        return
    say(f"off: {', '.join(found['off']) or 'nothing'}")
    rows = [(one["at"], ", ".join(one["off"]), one["author"], one["reason"]) for one in found["history"]]
    print_table(("at", "off", "by", "reason"), rows)


@switches_app.command("off")
def switch(
    names: Annotated[
        list[str] | None, typer.Argument(help="model, policy, rule:CODE; nothing switches all on.")
    ] = None,
    reason: Reason = "",
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Switch off just these, from the next event on: their reasons are kept, they decide nothing."""
    with open_client(to, api_key) as client:
        found = client.switch(names or [], reason, who(author), scenario)
    say(f"off: {', '.join(found['off']) or 'nothing'}")


_ENTRY = ("value", "from", "until", "reason", "author")


def open_client(to: str, api_key: str | None) -> Client:
    """A client of the server at an address."""
    from riskloom.client import Client

    return Client(to, api_key)


def who(author: str | None) -> str:
    """Who acts: as said, else the user of this machine."""
    return author or getpass.getuser()


def _tell(counts: dict[str, int]) -> None:
    say(", ".join(f"{count:,} {name}" for name, count in counts.items()))


def shown(value: Any) -> str:
    """A value as a cell of a table."""
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
