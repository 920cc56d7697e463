"""`riskloom replay`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskloom.cli.console import bar, open_rows, print_json, say
from riskloom.errors import Fault, ParameterInvalid, show

if TYPE_CHECKING:
    from riskloom.cli.replay_checkpoint import Checkpoint
    from riskloom.domain.columns import EventColumns, Labelled
    from riskloom.measure.cost import CostMatrix
    from riskloom.replay.run import Period, Replayed
    from riskloom.replay.side import Side
    from riskloom.scenario.scenario import Scenario

Names = Annotated[
    list[str] | None,
    typer.Option("--bundle", "-b", help="A bundle's folder, or a scenario; twice to compare two."),
]


def replay(
    bundle: Names = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            "-p",
            help="A scenario or bundle: its rules and policy, with features and model of the first bundle.",
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Recorded events, CSV or Parquet.")] = None,
    database: Annotated[
        str | None, typer.Option(help="The events of a server's database, as they arrived. A URL.")
    ] = None,
    since: Annotated[
        str, typer.Option("--from", help="Count events from this day or time on; earlier ones warm up.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="Count events before this day or time.")] = "",
    by: Annotated[str, typer.Option(help="A field to part the figures by.")] = "",
    budget: Annotated[float | None, typer.Option(help="Alerts a day that people can look at.", min=0)] = None,
    review: Annotated[
        float | None, typer.Option(help="Cost of looking at an alert, in the base currency.", min=0)
    ] = None,
    insult: Annotated[
        float, typer.Option(help="Cost of bothering an honest customer, with --review.", min=0)
    ] = 0.0,
    recovered: Annotated[
        float, typer.Option(help="Share of a caught fraud's amount that is saved.", min=0, max=1)
    ] = 1.0,
    examples: Annotated[int, typer.Option(help="Events shown of each kind of change.", min=0)] = 3,
    resume: Annotated[
        Path | None,
        typer.Option(help="Save there how far it is, and go on from there where it was interrupted."),
    ] = None,
    every: Annotated[float, typer.Option(help="With --resume: seconds between savings.", min=0)] = 30.0,
    report: Annotated[Path | None, typer.Option(help="Write the figures there as a page (HTML).")] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Recompute what the server of --database decided; compare the bits."),
    ] = False,
    last: Annotated[int, typer.Option(help="With --verify: only so many events, the newest.", min=0)] = 0,
    data_dir: Annotated[
        str | None, typer.Option(help="With --verify: the server's folder. [RISKLOOM_DATA_DIR]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    seed: Annotated[int, typer.Option(help="Of the intervals.")] = 0,
) -> None:
    """Decide recorded events again, by one bundle or by several, and compare: no side effects.

    Rows that cannot be read are counted and passed over. With --verify nothing new is tried: what a server
    decided is recomputed from its log; bundles are looked for in its folder and in those named. Ends with 1
    where something differs or a bundle is missing.
    """
    if verify:
        _verify(bundle or [], database, data_dir, last, as_json=as_json)
        return
    checkpoint: Checkpoint | None = None
    with bar("events") as progress:
        loading = progress.add_task("loading", total=None)
        from riskloom.replay.compare import compare

        sides = _sides(bundle or [], policy or [])
        scenario = sides[0].bundle.scenario
        matrix = _matrix(scenario, review, insult, recovered)
        given = {"period": _period(scenario, since, until), "segment": by, "examples": examples}
        if (data is None) == (database is None):
            got = "both" if data else "neither"
            raise ParameterInvalid(Fault("data", "either --data or --database", got))
        if resume is not None:
            from riskloom.cli.replay_checkpoint import checkpoint_of

            checkpoint = checkpoint_of(resume, every, sides, data, database, given)
        progress.remove_task(loading)
        with contextlib.nullcontext() if checkpoint is None else checkpoint.stopping():
            replayed = _run(sides, data, database, given, checkpoint, progress)
    from riskloom.cli.replay_tables import print_comparison
    from riskloom.replay.page import render_page
    from riskloom.replay.present import as_data

    comparison = compare(replayed, matrix=matrix, budget=budget, seed=seed)
    if as_json:
        print_json(as_data(replayed, comparison))
    else:
        print_comparison(replayed, comparison)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(
            render_page(replayed, comparison, data.name if data else "the log"), encoding="utf-8"
        )
        say(f"the report: {report}")
    if checkpoint is not None:
        checkpoint.clear()


def _sides(bundles: Sequence[str], policies: Sequence[str]) -> list[Side]:
    """The bundles under the names A, B, ..., and the first one with other policies."""
    from riskloom.replay.side import Side, with_policy
    from riskloom.scorer import load_bundle

    if not bundles:
        hint = "name a bundle's folder or a scenario with --bundle"
        raise ParameterInvalid(Fault("bundle", "at least one", "none", hint))
    found = [load_bundle(named) for named in bundles]
    found += [with_policy(found[0], load_bundle(named)) for named in policies]
    return [Side("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[at], each) for at, each in enumerate(found[:26])]


def _run(
    sides: Sequence[Side],
    data: Path | None,
    database: str | None,
    given: Mapping[str, Any],
    checkpoint: Checkpoint | None,
    progress: Any,
) -> Replayed:
    """Replay a file or a log; a file that is not in time order is begun again, sorted in memory."""
    from riskloom.replay.run import Progress
    from riskloom.replay.run import replay as run
    from riskloom.stream import OutOfOrder

    scenario = sides[0].bundle.scenario
    more: dict[str, Any] = {} if checkpoint is None else {"keep": checkpoint.keep}
    since = None if checkpoint is None else checkpoint.load()
    if since is not None:
        say(f"going on behind {since.events:,} events")
    warming = progress.add_task("warm-up", total=None)
    counting = progress.add_task("replay", total=None)

    def told(so_far: Progress) -> None:
        progress.update(warming, completed=so_far.warm_up, total=so_far.warm_up or None)
        progress.update(counting, completed=so_far.counted)

    def attempt(chunks: Iterable[Sequence[Labelled]], **lists: Any) -> Replayed:
        return run(sides, chunks, on_progress=told, since=since, **given, **more, **lists)

    if data is None:
        from riskloom.server.replays.service import opened, recorded_chunks, recorded_lists

        with opened(database or "") as repo:
            lists = recorded_lists(repo, scenario.name)
            return attempt(recorded_chunks(repo, scenario), lists_of=lists)
    if checkpoint is None or not checkpoint.is_sorted:
        try:
            return attempt(recorded(data, scenario, is_ordered=True))
        except OutOfOrder:
            say(f"{data.name} is not in time order: sorting it in memory first")
            since = None
    if checkpoint is not None:
        checkpoint.is_sorted = True
    return attempt(recorded(data, scenario, is_ordered=False))


def _verify(
    bundles: Sequence[str], database: str | None, data_dir: str | None, last: int, *, as_json: bool
) -> None:
    """Say what came out again and what did not; ends with 1 where something is wrong or missing."""
    from riskloom.cli.replay_tables import print_verified
    from riskloom.server.replays.service import opened, verify
    from riskloom.server.settings import Settings

    settings = Settings.read(database_url=database, data_dir=data_dir)
    folders = [Path(settings.data_dir) / "bundles", *map(Path, bundles)]
    found = {}
    with opened(settings.database_url) as repo, bar("events") as progress:
        for scenario in repo.scenarios():
            task = progress.add_task(scenario, total=None)

            def told(done: int, total: int, task: Any = task) -> None:
                progress.update(task, completed=done, total=total)

            found[scenario] = verify(repo, scenario, folders, last=last, progress=told)
    if not found:
        say("nothing was ever decided here")
    if as_json:
        print_json({scenario: each.as_data() for scenario, each in found.items()})
    else:
        for scenario, each in found.items():
            print_verified(scenario, each)
    if not all(each.is_sound for each in found.values()):
        raise typer.Exit(1)


def recorded(data: Path, scenario: Scenario, *, is_ordered: bool) -> Iterator[EventColumns]:
    """The labelled events of a file; rows that cannot be read are told at the end.

    Raises
    ------
    OutOfOrder
        When it is not in time order, and was said to be.
    """
    from riskloom.domain.field import Field, FieldType
    from riskloom.stream import DeadLetter, EventStream, file_digest

    made = {scenario.id_field}
    required = [field.name for field in scenario.fields if field.required and field.name not in made]
    label = (Field(scenario.label_field, FieldType.STRING, required=False),) if scenario.label_field else ()
    rows = open_rows(data, (*scenario.fields, *label), required)
    buried: list[DeadLetter] = []
    stream = EventStream(
        rows, scenario.schema(ignore_unknown=True), file_digest(data), buried.append, scenario.label_field
    )
    yield from stream.column_chunks() if is_ordered else stream.sorted_column_chunks()
    if buried:
        first = buried[0]
        reasons = "; ".join(str(fault) for fault in first.faults)
        say(f"{len(buried):,} rows could not be read; the first, line {first.line}: {reasons}")


def _period(scenario: Scenario, since: str, until: str) -> Period:
    """The period in the scenario's calendar: a day such as 2018-07-01, a time, or a row's number.

    Raises
    ------
    ParameterInvalid
    """
    from riskloom.replay.run import Period

    ends: dict[str, Any] = {}
    faults = []
    for option, name, given in (("--from", "from_us", since), ("--to", "to_us", until)):
        if not given:
            continue
        time_us = _time_us(given, scenario)
        if time_us is None:
            wanted = "a day such as 2018-07-01, or a time" if scenario.time_field else "the number of a row"
            faults.append(Fault(option, wanted, show(given)))
        else:
            ends[name] = time_us
    if faults:
        raise ParameterInvalid(faults)
    return Period(**ends)


def _time_us(given: str, scenario: Scenario) -> int | None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    if not scenario.time_field:
        return int(given) if given.isdecimal() else None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(scenario.timezone))
    return round(moment.timestamp() * 1_000_000)


def _matrix(scenario: Scenario, review: float | None, insult: float, recovered: float) -> CostMatrix | None:
    """What decisions cost, in minor units; None where nobody said."""
    from riskloom.domain.field import FieldType
    from riskloom.measure.cost import CostMatrix

    money = next((field for field in scenario.fields if field.type is FieldType.MONEY), None)
    if review is None:
        return None
    if money is None:
        raise ParameterInvalid(Fault("review", "a scenario with a money field", scenario.name))
    return CostMatrix(review * money.scale, insult * money.scale, recovered)
