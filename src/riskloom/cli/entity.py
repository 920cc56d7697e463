"""`riskloom entity`: everything a running server knows of a user, a device, an address, a shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskloom.cli.console import print_json, print_table, say
from riskloom.cli.lists import LOCAL, AsJson, Key, Scenario, To

if TYPE_CHECKING:
    from riskloom.client import Client

app = typer.Typer(no_args_is_help=True)
Kind = Annotated[str, typer.Argument(help="user, device, ... as the scenario names it.")]
Value = Annotated[str, typer.Argument(help="Which one.")]


@app.command("show")
def show_entity(
    entity: Kind,
    key: Value,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show counts, outcomes, what is usual, windows, lists, labels and links of one entity."""
    with _client(to, api_key) as client:
        found = client.entity(entity, key, scenario)
    if as_json:
        print_json(found)
        return
    say(f"{found['entity']} {found['key']}")
    print_table(("", ""), _facts(found))
    windows = [(one["name"], one["value"], one["describe"]) for one in found["windows"]["features"]]
    print_table(("window", "now", ""), windows, title=f"windows at {found['windows']['at']}")
    if found["lists"]:
        print_table(
            ("list", "kind", "until", "reason", "author"),
            [tuple(one[name] or "" for name in _LISTED) for one in found["lists"]],
        )
    if found["labels"]:
        print_table(_LABELLED, [tuple(one[name] for name in _LABELLED) for one in found["labels"]])


@app.command("graph")
def show_graph(
    entity: Kind,
    key: Value,
    hops: Annotated[int, typer.Option(help="How far to go, 1 to 3.")] = 2,
    limit: Annotated[int, typer.Option(help="Most nodes, up to 500.")] = 500,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show who an entity is linked with, nearest first, and what was cut."""
    with _client(to, api_key) as client:
        found = client.entity_graph(entity, key, hops=hops, limit=limit, scenario=scenario)
    if as_json:
        print_json(found)
        return
    print_table(_NODES, [tuple(node[name] for name in _NODES) for node in found["nodes"]])
    ring, cut = found["component"], found["cut"]
    say(f"{len(found['nodes'])} nodes, {len(found['edges'])} edges")
    known = f"{ring['people']} people, {ring['frauds']} known frauds"
    say(f"component {ring['id']}: {ring['size']} nodes, {known}")
    if cut["hubs"]:
        say(f"not passed through, for they have too many neighbours: {', '.join(cut['hubs'])}")
    if cut["by_limit"]:
        say(f"there is more than {cut['limit']} nodes can show")


@app.command("rings")
def show_rings(
    people: Annotated[int, typer.Option(help="Least people of a ring.")] = 2,
    limit: Annotated[int, typer.Option(help="Most rings.")] = 20,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show people who share devices or addresses, those with the most known frauds first."""
    with _client(to, api_key) as client:
        found = client.components(people=people, limit=limit, scenario=scenario)
    if as_json:
        print_json(found)
        return
    rows = [
        (*(one[name] for name in _RINGS), ", ".join(member["id"] for member in one["members"]))
        for one in found["items"]
    ]
    print_table((*_RINGS, "members"), rows)


_LISTED = ("list", "kind", "until", "reason", "author")
_LABELLED = ("event_id", "fraud", "source", "known_at", "code")
_NODES = ("id", "hops", "events", "frauds", "neighbours", "is_hub", "last_seen")
_RINGS = ("id", "people", "shared", "size", "frauds")


def _facts(found: dict[str, Any]) -> list[tuple[str, object]]:
    spend, usual, ring = found["spend"], found["usual"], found["component"]
    rows: list[tuple[str, object]] = [
        ("seen", f"{found['first_seen']} to {found['last_seen']}"),
        ("events", found["events"]),
        ("outcomes", ", ".join(f"{count} {name}" for name, count in found["outcomes"].items() if count)),
        ("known frauds", found["frauds"]),
        ("neighbours", f"{found['neighbours']}{' (a hub)' if found['is_hub'] else ''}"),
    ]
    if spend is not None:
        rows.append(("spent", f"{spend['amount']} {spend['currency']}"))
    if usual["amount"] is not None:
        rows.append(("usual amount", "{middle} ({low} to {high})".format(**usual["amount"])))
    if ring is not None:
        rows.append(("component", f"{ring['id']}: {ring['people']} people, {ring['frauds']} known frauds"))
    rows += [
        (name, ", ".join(f"{one['value']} ({one['events']})" for one in said["items"][:5]))
        for name, said in usual["values"].items()
    ]
    return rows


def _client(to: str, api_key: str | None) -> Client:
    from riskloom.client import Client

    return Client(to, api_key)
