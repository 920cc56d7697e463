"""The `riskloom` command. Each command lives in a file of its own and imports what it needs when it runs."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from riskloom import __version__
from riskloom.cli import (
    alerts,
    bench,
    cases,
    demo,
    explain,
    features,
    ingest,
    labels,
    lists,
    models,
    new,
    replay,
    rules,
    scenario,
    score,
    serve,
    simulate,
    train,
)
from riskloom.errors import RiskloomError

app = typer.Typer(
    name="riskloom",
    help="Decide event by event whether it is suspicious, say why, with the evidence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(scenario.app, name="scenario", help="Show, check or start a scenario.")
app.add_typer(features.app, name="features", help="List or compute the features of a scenario.")
app.add_typer(labels.app, name="labels", help="Tell a running server what events turned out to be.")
app.add_typer(lists.app, name="lists", help="Who is on the lists of a running server.")
app.add_typer(lists.switches_app, name="switches", help="Switch the model, a rule or the policy off.")
app.add_typer(alerts.app, name="alerts", help="The queue of a running server: list, claim, resolve.")
app.add_typer(alerts.suppressions_app, name="suppressions", help="What raises no alert for a time.")
app.add_typer(cases.app, name="cases", help="Cases of a running server: open, close, export.")
app.add_typer(rules.app, name="rules", help="Propose rules from labelled history.")
app.add_typer(models.app, name="models", help="Versions of bundles: list, add, promote, roll back.")
for command in (
    new.new,
    simulate.simulate,
    train.train,
    score.score,
    explain.explain,
    replay.replay,
    serve.serve,
    ingest.ingest,
    demo.demo,
    bench.bench,
):
    app.command()(command)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Riskloom."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command: what was given wrong is one message and exit code 2, a failing disk 1, Ctrl-C 130."""
    try:
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except RiskloomError as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        sys.exit(2)
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        sys.exit(1)
    except typer.Abort:
        sys.exit(130)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if type(error).__module__.split(".")[0] in ("click", "typer") and hasattr(error, "show"):
            error.show()
            sys.exit(getattr(error, "exit_code", 2))
        raise
