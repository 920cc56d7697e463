"""`riskloom alerts` and `riskloom suppressions`: the queue of a running server from a terminal."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from riskloom.cli.console import print_json, print_table, say
from riskloom.cli.lists import LOCAL, AsJson, Author, Key, Scenario, To, open_client, shown, who

app = typer.Typer(no_args_is_help=True)
suppressions_app = typer.Typer(no_args_is_help=True)
Ids = Annotated[list[int], typer.Argument(help="Alerts by their ids.")]
Queue = Annotated[str | None, typer.Option(help="In this queue alone.")]
Why = Annotated[str, typer.Option(help="Why; it stays in the history.")]
For = Annotated[str, typer.Option("--for", help="How long, such as 4h or 7d.")]
_LISTED = (
    "id", "priority", "severity", "state", "queue", "entity_key", "amount", "events", "reasons", "claimed_by",
)  # fmt: skip
_SUPPRESSED = ("id", "entity_key", "rule", "until", "suppressed", "author", "reason")


@app.command("list")
def list_alerts(
    state: Annotated[
        str | None, typer.Option(help="open, claimed, snoozed, escalated, resolved, auto_closed; by commas.")
    ] = None,
    queue: Queue = None,
    severity: Annotated[str | None, typer.Option(help="low, medium, high or critical.")] = None,
    reason: Annotated[str | None, typer.Option(help="With this reason code.")] = None,
    entity: Annotated[str | None, typer.Option(help="Of this entity.")] = None,
    claimed_by: Annotated[str | None, typer.Option(help="That this person works on.")] = None,
    min_amount: Annotated[str | None, typer.Option(help="Of at least this amount.")] = None,
    order: Annotated[str, typer.Option(help="priority or time.")] = "priority",
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """List alerts, most valuable first; those that are not closed if no state is named."""
    asked = {
        "state": state, "queue": queue, "severity": severity, "reason": reason, "entity": entity,
        "claimed_by": claimed_by, "min_amount": min_amount, "order": order, "limit": limit,
    }  # fmt: skip
    with open_client(to, api_key) as client:
        found = client.alerts(scenario, **asked)["items"]
    _print(found, as_json)


@app.command()
def show(
    alert_id: Annotated[int, typer.Argument(help="The alert.")],
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show one alert: what was decided, why, and how many events are the evidence."""
    with open_client(to, api_key) as client:
        found = client.alert(alert_id, scenario)
    if as_json:
        print_json(found)
        return
    _print([found], as_json)
    rows = [
        (one["event_id"], one["event_time"], one["outcome"], reason["message"], len(reason["evidence"]))
        for one in found["decisions"]
        for reason in one["reasons"]
    ]
    print_table(("event", "time", "outcome", "reason", "evidence"), rows)


@app.command("next")
def take_next(
    queue: Queue = None,
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Claim the most valuable alert that you may work on."""
    with open_client(to, api_key) as client:
        found = client.next_alert(who(author), None if queue is None else [queue], scenario)
    if found is None and not as_json:
        say("nothing waits")
        return
    _print([found] if found is not None else [], as_json)


def _acting(name: str, describe: str) -> None:
    """A command for an act that takes nothing but the alerts."""

    @app.command(name, help=describe)
    def command(
        ids: Ids,
        author: Author = None,
        to: To = LOCAL,
        scenario: Scenario = None,
        api_key: Key = None,
        as_json: AsJson = False,
    ) -> None:
        _act(name, ids, {}, author, to, scenario, api_key, as_json)


_acting("claim", "Claim alerts for the time of a lease.")
_acting("release", "Give claimed alerts back.")
_acting("renew", "Keep claimed alerts for another lease.")


@app.command()
def snooze(
    ids: Ids,
    time: For = "4h",
    reason: Why = "",
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Put alerts away for a time."""
    _act("snooze", ids, {"for": time, "reason": reason}, author, to, scenario, api_key, as_json)


@app.command()
def escalate(
    ids: Ids,
    queue: Annotated[
        str | None, typer.Option(help="To this queue; where its own hands on to if not given.")
    ] = None,
    reason: Why = "",
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Hand alerts on to the people of another queue."""
    said = {"reason": reason, **({} if queue is None else {"queue": queue})}
    _act("escalate", ids, said, author, to, scenario, api_key, as_json)


@app.command()
def resolve(
    ids: Ids,
    disposition: Annotated[
        str,
        typer.Option(
            help="confirmed_fraud, suspected, false_positive, friendly_fraud, insufficient_information."
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why; it stays in the history.")],
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Be done with alerts: what was found, and why."""
    said = {"disposition": disposition, "reason": reason}
    _act("resolve", ids, said, author, to, scenario, api_key, as_json)


@app.command()
def reopen(
    ids: Ids,
    reason: Why = "",
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Open closed alerts again."""
    _act("reopen", ids, {"reason": reason}, author, to, scenario, api_key, as_json)


@app.command()
def assign(
    name: Annotated[str, typer.Argument(help="Who gets them.")],
    ids: Ids,
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Give alerts to somebody, as if they had claimed them."""
    _act("assign", ids, {"to": name}, author, to, scenario, api_key, as_json)


@app.command()
def queues(to: To = LOCAL, scenario: Scenario = None, api_key: Key = None, as_json: AsJson = False) -> None:
    """Show the queues: what comes in, how many wait, and since when the oldest does."""
    with open_client(to, api_key) as client:
        found = client.queues(scenario)
    if as_json:
        print_json(found)
        return
    states = ("open", "claimed", "snoozed", "escalated")
    rows = []
    for one in found:
        counts = [one["states"].get(state, {}).get("count", 0) for state in states]
        oldest = min((told["oldest"] for told in one["states"].values()), default="")
        rows.append((one["name"], one.get("when") or "", one.get("skill") or "", *counts, oldest))
    print_table(("queue", "when", "skill", *states, "oldest"), rows)


@suppressions_app.command("list")
def list_suppressions(
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show what raises no alert, and how many decisions raised none because of it."""
    with open_client(to, api_key) as client:
        found = client.suppressions(every=every, scenario=scenario)
    if as_json:
        print_json(found)
        return
    print_table(_SUPPRESSED, [tuple(shown(row[key]) for key in _SUPPRESSED) for row in found])


@suppressions_app.command("add")
def suppress(
    reason: Annotated[str, typer.Option(help="Why; it stays in the history.")],
    time: For,
    entity: Annotated[str | None, typer.Option(help="This entity.")] = None,
    rule: Annotated[str | None, typer.Option(help="The rule with this code.")] = None,
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Let an entity, a rule, or a rule for an entity raise no alert for a time."""
    said = {"entity": entity, "rule": rule, "for": time, "reason": reason}
    with open_client(to, api_key) as client:
        made = client.suppress(said, who(author), scenario)
    say(f"suppression {made['id']} holds until {made['until']}")


@suppressions_app.command("end")
def end_suppression(
    suppression_id: Annotated[int, typer.Argument(help="Which, by its id.")],
    author: Author = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
) -> None:
    """Let a suppression end now."""
    with open_client(to, api_key) as client:
        client.end_suppression(suppression_id, who(author), scenario)
    say(f"suppression {suppression_id} has ended")


def _act(
    act: str,
    ids: list[int],
    said: dict[str, Any],
    author: str | None,
    to: str,
    scenario: str | None,
    api_key: str | None,
    as_json: bool,
) -> None:
    """One act on alerts; exit code 1 where one of several refuses."""
    with open_client(to, api_key) as client:
        if len(ids) == 1:
            _print([client.act_on_alert(act, ids[0], who(author), said, scenario)], as_json)
            return
        results = client.act_on_alerts(act, ids, who(author), said, scenario)
    refused = [one for one in results if "error" in one]
    if as_json:
        print_json(results)
    else:
        _print([one["alert"] for one in results if "alert" in one], as_json)
        for one in refused:
            say(f"{one['id']}: {one['error']['detail']}")
    if refused:
        raise typer.Exit(1)


def _print(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [
        tuple(f"{one[key]:,.0f}" if key == "priority" else shown(one[key]) for key in _LISTED)
        for one in found
    ]
    print_table(_LISTED, rows)
