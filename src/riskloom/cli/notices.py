"""`riskloom notices`: what was told, the test button, dead letters, and a relay in a process of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from riskloom.cli.console import complete_scenario, print_json, print_table, say
from riskloom.cli.lists import LOCAL, AsJson, Key, Scenario, To, who

app = typer.Typer(no_args_is_help=True)
_SHOWN = ("id", "key", "state", "severity", "attempts", "created_at", "said")


@app.callback()
def notices() -> None:
    """Notices."""


@app.command("list")
def list_notices(
    state: Annotated[
        str | None, typer.Option(help="waiting, sending, delivered, cancelled, merged or dead.")
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Of this channel.")] = None,
    alert: Annotated[int | None, typer.Option(help="Of this alert.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The newest so many.")] = 20,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show what was told, is being told and will be, newest first, and how many are in each state."""
    from riskloom.client import Client

    with Client(to, api_key) as client:
        page = client.notices(state=state, channel=channel, alert=alert, limit=limit, scenario=scenario)
        counts = client.notice_counts(scenario)
    if as_json:
        print_json({**page, "states": counts})
        return
    print_table(_SHOWN, [tuple(str(one[key] or "") for key in _SHOWN) for one in page["notices"]])
    say(", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "no notices")


@app.command("test")
def try_channel(
    channel: Annotated[str, typer.Argument(help="The channel.")],
    to: To = LOCAL,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send a test notice to a channel now, and say what its receiver said."""
    from riskloom.client import Client

    with Client(to, api_key) as client:
        answer = client.test_channel(channel)
    if as_json:
        print_json(answer)
        return
    said = f": {answer['said']}" if answer["said"] else ""
    say(f"delivered to {channel} in {answer['took_ms']:g} ms{said}")


@app.command()
def replay(
    ids: Annotated[list[int] | None, typer.Argument(help="Of dead letters; all of them if none.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only those of this channel.")] = None,
    to: To = LOCAL,
    scenario: Scenario = None,
    api_key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again, under the keys they had."""
    from riskloom.client import Client

    with Client(to, api_key) as client:
        replayed = client.replay_notices(ids or None, channel, scenario, who(None))
    if as_json:
        print_json(replayed)
        return
    say(f"{len(replayed):,} dead letters are on their way again")


@app.command()
def relay(
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            "-s",
            help="A scenario or a bundle's folder, as the server has it. May be given several times.",
            autocompletion=complete_scenario,
        ),
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="The server's database. [RISKLOOM_DATABASE_URL]")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(help="Where relative log files begin. [RISKLOOM_DATA_DIR]")
    ] = None,
) -> None:
    """Deliver notices in a process of its own, beside the server's: with its RISKLOOM_CHANNELS.

    As many as there are share the work: none sends what another is sending. Ctrl-C lets what is under way
    end.
    """
    from riskloom.scorer import load_bundle
    from riskloom.server.serve import relay as relay_until_stopped
    from riskloom.server.settings import Settings

    settings = Settings.read(database_url=database, data_dir=data_dir)
    bundles = [load_bundle(one) for one in scenario or ["card_payments"]]
    relay_until_stopped(settings, [one.scenario for one in bundles], say=say)
