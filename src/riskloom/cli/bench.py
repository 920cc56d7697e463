"""`riskloom bench`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from riskloom.cli.console import print_json, say


def bench(
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            help="kernel, libraries, forest, boosting, models, rules, http, stages, startup, recovery,"
            " replay, graph; all when none is named."
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, for a first look.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    size: Annotated[
        list[str] | None,
        typer.Option(help="One of the sizes, such as --size log=100000; see bench/sizes.py."),
    ] = None,
) -> None:
    """Measure what Riskloom promises, on this machine, beside other libraries.

    Shows each figure, what was asked for, and whether it is met. Servers are started on 127.0.0.1 and ended
    again; nothing is kept. DuckDB, polars and pandas come with the extra `bench`, scikit-learn with `train`.
    """
    from riskloom.bench.machine import describe
    from riskloom.bench.report import show
    from riskloom.bench.run import run
    from riskloom.bench.sizes import FULL, QUICK, with_sizes

    sizes = with_sizes(QUICK if quick else FULL, size or [])
    machine = describe()
    found = run(parts or [], sizes, say)
    if as_json:
        print_json(
            {
                "machine": machine,
                "sizes": dataclasses.asdict(sizes),
                "parts": {part.name: part.as_dict() for part in found},
            }
        )
    else:
        show(found, machine)
