"""`riskloom models list | show | history | add | promote | rollback | retire | pull`."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskloom.cli.console import print_json, print_table, say
from riskloom.domain.show import show_time
from riskloom.domain.stage import Stage
from riskloom.errors import Fault, NotFound, ParameterInvalid, show
from riskloom.registry.show import plain_moves, plain_version

if TYPE_CHECKING:
    from riskloom.registry import Registry, Version

app = typer.Typer(no_args_is_help=True)
DEFAULT_REGISTRY = "riskloom-models"
Where = Annotated[
    str,
    typer.Option(
        "--registry",
        envvar="RISKLOOM_MODELS",
        help="A folder, s3://bucket/prefix or mlflow://host:port/name.",
    ),
]
Scenario = Annotated[str, typer.Argument(help="The scenario's name.")]
Which = Annotated[str, typer.Argument(help="A version number, or champion or canary.")]
Reason = Annotated[str, typer.Option(help="Why; it stays in the history.")]
Author = Annotated[str | None, typer.Option(help="Who; your user name when not given.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("list")
def list_versions(
    scenario: Annotated[str | None, typer.Argument(help="Only this scenario.")] = None,
    registry: Where = DEFAULT_REGISTRY,
    as_json: AsJson = False,
) -> None:
    """List versions and the stage of each."""
    opened = _open(registry)
    names = opened.scenarios() if scenario is None else (scenario,)
    versions = [version for name in names for version in opened.versions(name)]
    if as_json:
        print_json([plain_version(version) for version in versions])
        return
    if not versions:
        say(f"{opened.url} holds no versions yet: riskloom models add BUNDLE --reason TEXT")
        return
    rows = [
        (
            version.scenario,
            version.number,
            _stage(version),
            version.fingerprint[:12],
            show_time(version.published_at_us)[:19].replace("T", " "),
            version.author,
            version.reason,
        )
        for version in versions
    ]
    print_table(("scenario", "version", "stage", "bundle", "published", "by", "reason"), rows)


@app.command("show")
def show_version(
    scenario: Scenario, version: Which, registry: Where = DEFAULT_REGISTRY, as_json: AsJson = False
) -> None:
    """Show what a version consists of, its figures, and how it moved."""
    opened = _open(registry)
    found = _find(opened, scenario, version)
    inventory = opened.inventory(scenario, found.number)
    moves = plain_moves(opened.history(scenario), only=found.number)
    if as_json:
        print_json({**plain_version(found), "inventory": inventory, "history": moves})
        return
    say(f"{scenario} version {found.number}: {_stage(found)}, bundle {found.fingerprint}")
    print_table(("metric", "value"), sorted(inventory.metrics.items()))
    print_table(("file", "bytes"), [(item.path, f"{item.size:,}") for item in inventory.files])
    _print_moves(moves)


@app.command()
def history(scenario: Scenario, registry: Where = DEFAULT_REGISTRY, as_json: AsJson = False) -> None:
    """Show every change of a scenario's versions: what moved, who did it, when and why."""
    moves = plain_moves(_open(registry).history(scenario))
    if as_json:
        print_json(moves)
    else:
        _print_moves(moves)


@app.command()
def add(
    bundle: Annotated[Path, typer.Argument(help="The folder of a bundle, as `riskloom train` writes it.")],
    reason: Reason,
    author: Author = None,
    metrics: Annotated[Path | None, typer.Option(help="JSON with figures to compare versions by.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="A page of `train --report`, kept with the model card beside it.")
    ] = None,
    attach: Annotated[list[Path] | None, typer.Option(help="A file or a folder to keep with it.")] = None,
    registry: Where = DEFAULT_REGISTRY,
    as_json: AsJson = False,
) -> None:
    """Publish a bundle as a candidate. The same bundle again is the same version.

    Pages (HTML) and model cards that lie in the bundle's folder are kept with it.
    """
    from riskloom.bundle import read_bundle
    from riskloom.cli.models_files import find_reports, read_attachments, read_metrics

    read = read_bundle(bundle)
    figures = {} if metrics is None else read_metrics(metrics)
    attachments = read_attachments([*(attach or []), *find_reports(bundle, report, attach or [])])
    opened = _open(registry)
    version = opened.publish(read, author or _user(), reason, metrics=figures, attachments=attachments)
    _tell(opened, version, as_json)
    say(f"next: riskloom models promote {version.scenario} {version.number} --to shadow --reason TEXT")


@app.command()
def promote(
    scenario: Scenario,
    version: Which,
    reason: Reason,
    to: Annotated[str, typer.Option(help=f"{', '.join(Stage)}.")] = Stage.CHAMPION.value,
    percent: Annotated[
        float | None, typer.Option(help="The share of entities that a canary decides for.")
    ] = None,
    author: Author = None,
    registry: Where = DEFAULT_REGISTRY,
    as_json: AsJson = False,
) -> None:
    """Move a version to a stage. A new champion retires the former one in the same change."""
    opened = _open(registry)
    number = _find(opened, scenario, version).number
    _tell(opened, opened.move(scenario, number, to, author or _user(), reason, percent), as_json)


@app.command()
def rollback(
    scenario: Scenario,
    reason: Reason,
    author: Author = None,
    registry: Where = DEFAULT_REGISTRY,
    as_json: AsJson = False,
) -> None:
    """Retire the champion and bring the one before it back."""
    opened = _open(registry)
    _tell(opened, opened.rollback(scenario, author or _user(), reason), as_json)


@app.command()
def retire(
    scenario: Scenario,
    version: Which,
    reason: Reason,
    author: Author = None,
    registry: Where = DEFAULT_REGISTRY,
    as_json: AsJson = False,
) -> None:
    """Take a version out of use; it can be pulled and tried again."""
    opened = _open(registry)
    number = _find(opened, scenario, version).number
    _tell(opened, opened.move(scenario, number, Stage.RETIRED, author or _user(), reason), as_json)


@app.command()
def pull(
    scenario: Scenario,
    version: Which = Stage.CHAMPION.value,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write; SCENARIO-VERSION if not given.")
    ] = None,
    attachments: Annotated[
        Path | None, typer.Option(help="A folder for the files that were attached.")
    ] = None,
    registry: Where = DEFAULT_REGISTRY,
) -> None:
    """Write a version's bundle to a folder, every file checked against its hash."""
    opened = _open(registry)
    found = _find(opened, scenario, version)
    folder = opened.pull(scenario, found.number, out or Path(f"{scenario}-{found.number}"))
    say(f"{scenario} version {found.number} ({_stage(found)}) is in {folder}")
    if attachments is not None:
        for name in opened.inventory(scenario, found.number).attachments:
            file = attachments / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(opened.attachment(scenario, found.number, name))
            say(f"  {file}")
    say(f"next: riskloom serve --bundle {folder}")


def _open(url: str) -> Registry:
    from riskloom.adapters.bundles import open_store
    from riskloom.clock import SystemClock
    from riskloom.registry import Registry
    from riskloom.server.settings import Settings

    return Registry(open_store(url), SystemClock(), four_eyes=Settings.read().four_eyes)


def _find(registry: Registry, scenario: str, which: str) -> Version:
    """A version by its number, or by the stage that one version has at most."""
    if which.isdecimal():
        return registry.version(scenario, int(which))
    lineup = registry.lineup(scenario)
    at = {Stage.CHAMPION.value: lineup.champion, Stage.CANARY.value: lineup.canary}
    if which not in at:
        raise ParameterInvalid(Fault("version", "a number, champion or canary", show(which)))
    found = at[which]
    if found is None:
        hint = f"riskloom models promote {scenario} VERSION --to {which} --reason TEXT"
        raise NotFound(f"{scenario} has no {which}.", hint=hint)
    return found


def _tell(registry: Registry, version: Version, as_json: bool) -> None:
    if as_json:
        print_json(plain_version(version))
    say(f"{version.scenario} version {version.number} is {_stage(version)} in {registry.url}")


def _stage(version: Version) -> str:
    return version.stage if version.percent is None else f"{version.stage} {version.percent:g} %"


def _print_moves(moves: list[dict[str, Any]]) -> None:
    rows = [
        (
            move["change"],
            move["at"][:19].replace("T", " "),
            move["version"],
            move["from"] or "",
            move["to"] if move["percent"] is None else f"{move['to']} {move['percent']:g} %",
            move["author"],
            move["reason"],
        )
        for move in moves
    ]
    print_table(("change", "at", "version", "from", "to", "by", "reason"), rows)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise ParameterInvalid(Fault("--author", "a name", "none, and the system knows none")) from error
