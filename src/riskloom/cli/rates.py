"""`riskloom rates`: the dated rate table of a running server; nothing is fetched from anywhere."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from riskloom.cli.console import print_json, print_table, say
from riskloom.cli.lists import LOCAL, AsJson, Author, Key, Reason, Scenario, To
from riskloom.errors import ScenarioInvalid

app = typer.Typer(no_args_is_help=True)


@app.command()
def show(to: To = LOCAL, scenario: Scenario = None, api_key: Key = None, as_json: AsJson = False) -> None:
    """Show the champion's rates: what a unit of each currency is worth in the base currency, by date."""
    from riskloom.client import Client

    with Client(to, api_key) as client:
        found = client.rates(scenario)
    if as_json:
        print_json(found)
        return
    currencies = sorted({name for row in found["rates"] for name in row} - {"date"})
    rows = [(row["date"], *(str(row.get(name, "")) for name in currencies)) for row in found["rates"]]
    print_table((f"1 = {found['base']}", *currencies), rows)


@app.command()
def change(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="The whole table, as in a scenario's rates.yaml."),
    ],
    reason: Reason = "",
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Publish a version with another table; it holds from the moment that version is the champion.

    Events that were taken in before keep the amount of the table of their day.
    """
    from riskloom.client import Client
    from riskloom.scenario.rates_section import read_rates
    from riskloom.scenario.read_yaml import read_document

    with Client(to, api_key) as client:
        document = read_document(file.read_text(encoding="utf-8"), str(file))
        table = read_rates(document, client.rates(scenario)["base"])
        if document.faults:
            raise ScenarioInvalid(document.faults)
        made = client.change_rates(table.as_data(), reason, author or getpass.getuser(), scenario)
    say(f"version {made['version']}, a {made['stage']}: it is used once it is the champion")
