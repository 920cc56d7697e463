"""`riskloom cases`: cases of a running server from a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from riskloom.cli.console import print_json, print_table, say
from riskloom.cli.lists import LOCAL, AsJson, Author, Key, Scenario, To, open_client, shown, who

app = typer.Typer(no_args_is_help=True)
Id = Annotated[int, typer.Argument(help="The case.")]
Reason = Annotated[str, typer.Option(help="Why; it stays in the history.")]
Seen = Annotated[
    int | None, typer.Option("--version", help="The version that was seen; the present one if not given.")
]
FORMS = ("json", "html", "pdf")
_LISTED = (
    "case_id", "state", "priority", "entity_key", "assignee", "amount", "events", "alerts", "disposition",
    "opened_at",
)  # fmt: skip


@app.command("list")
def list_cases(
    state: Annotated[str | None, typer.Option(help="open, pending, closing or closed.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Of this person.")] = None,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="Of nobody.")] = False,
    priority: Annotated[str | None, typer.Option(help="low, medium, high or critical.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """List cases, newest first; those that are not closed if no state is named."""
    asked = {
        "state": state, "assignee": assignee, "priority": priority, "limit": limit,
        "active": None if every else True, "unassigned": unassigned or None,
    }  # fmt: skip
    with open_client(to, api_key) as client:
        found = client.cases(scenario, **asked)["items"]
    _print(found, as_json)


@app.command()
def show(
    case_id: Id, to: To = LOCAL, scenario: Scenario = None, api_key: Key = None, as_json: AsJson = False
) -> None:
    """Show one case, and what happened in it last."""
    with open_client(to, api_key) as client:
        case = client.case(case_id, scenario)
        happened = client.case_timeline(case_id, scenario, limit=20)["items"]
    if as_json:
        print_json({**case, "timeline": happened})
        return
    _print([case], as_json)
    for note in case["notes"]:
        say(f"{note['author']}, {note['at']}: {note['text']}")
    rows = [(one["at"], one["actor"] or "", one["kind"]) for one in happened]
    print_table(("at", "who", "what"), rows)


@app.command("open")
def open_case(
    alert_id: Annotated[int, typer.Argument(help="The alert.")],
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Open a case from an alert, or show the one that its entity has."""
    with open_client(to, api_key) as client:
        _print([client.open_case(alert_id, who(author), scenario)], as_json)


@app.command()
def close(
    case_id: Id,
    disposition: Annotated[
        str,
        typer.Option(
            help="confirmed_fraud, suspected, false_positive, friendly_fraud, insufficient_information."
        ),
    ],
    reason: Reason,
    only_marked: Annotated[
        bool, typer.Option("--only-marked", help="Only events that were marked get labels.")
    ] = False,
    version: Seen = None,
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Close a case: its events get labels, its alerts are resolved."""
    said = {"disposition": disposition, "reason": reason, "only_marked": only_marked}
    _move("close", case_id, said, version, author, to, scenario, api_key, as_json)


@app.command()
def confirm(
    case_id: Id,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    version: Seen = None,
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Agree, as a second person, with how a case was closed."""
    said = {} if reason is None else {"reason": reason}
    _move("confirm", case_id, said, version, author, to, scenario, api_key, as_json)


@app.command()
def decline(
    case_id: Id,
    reason: Reason,
    version: Seen = None,
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Open a case again that awaits a second person."""
    _move("decline", case_id, {"reason": reason}, version, author, to, scenario, api_key, as_json)


@app.command()
def reopen(
    case_id: Id,
    reason: Reason,
    version: Seen = None,
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Open a closed case again."""
    _move("reopen", case_id, {"reason": reason}, version, author, to, scenario, api_key, as_json)


@app.command()
def note(
    case_id: Id,
    text: Annotated[str, typer.Argument(help="The note.")],
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Add a note to a case."""
    with open_client(to, api_key) as client:
        made = client.add_to_case("notes", case_id, {"text": text}, who(author), scenario)
    say(f"note {made['note']} of case {case_id}")


@app.command()
def export(
    case_id: Id,
    out: Annotated[Path, typer.Argument(help="A file that ends in .json, .html or .pdf.")],
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Write all of a case, with its evidence, as a dossier."""
    form = out.suffix.removeprefix(".").lower()
    if form not in FORMS:
        raise typer.BadParameter("a file that ends in .json, .html or .pdf", param_hint="OUT")
    with open_client(to, api_key) as client:
        content = client.dossier(case_id, form, who(author), scenario)
    out.write_bytes(content)
    say(f"case {case_id} is in {out} ({len(content):,} bytes)")


def _move(
    move: str,
    case_id: int,
    said: dict[str, Any],
    version: int | None,
    author: str | None,
    to: str,
    scenario: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """Move a case from the version that was seen."""
    with open_client(to, api_key) as client:
        seen = client.case(case_id, scenario)["version"] if version is None else version
        _print([client.move_case(move, case_id, {**said, "version": seen}, who(author), scenario)], as_json)


def _print(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    print_table(_LISTED, [tuple(shown(one[key]) for key in _LISTED) for one in found])
