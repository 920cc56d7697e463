"""`riskloom serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from riskloom.cli.console import complete_scenario, say


def serve(
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            "-s",
            help="Serve a scenario by its rules, before it has a model. May be given several times.",
            autocompletion=complete_scenario,
        ),
    ] = None,
    bundle: Annotated[
        list[str] | None, typer.Option(help="Serve a trained bundle's folder. May be given several times.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="sqlite:///file.db or postgresql://user@host/name. [RISKLOOM_DATABASE_URL]"),
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(help="Folder for bundles and snapshots. [RISKLOOM_DATA_DIR]")
    ] = None,
    registry: Annotated[
        str | None,
        typer.Option(help="Follow a registry's champion, canary and shadows. [RISKLOOM_MODELS]"),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [RISKLOOM_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [RISKLOOM_PORT]")] = None,
) -> None:
    """Serve the HTTP API: decide events durably, in order, with evidence.

    One server may decide for several scenarios: each has its paths under /api/v1/scenarios/NAME, and paths
    that name none are those of the first bundle, or else the first scenario.

    With a registry the champion of each scenario decides, a canary for its share of the entities, and shadows
    score beside them; a bundle given here that it does not know becomes the champion.

    On 127.0.0.1 no key is needed; any other address needs RISKLOOM_API_KEY. Ctrl-C commits what is queued and
    ends.
    """
    from riskloom.features.kernel import warm_up
    from riskloom.scorer import load_bundle
    from riskloom.server.serve import serve as serve_bundle
    from riskloom.server.settings import Settings

    settings = Settings.read(database_url=database, data_dir=data_dir, models=registry, host=host, port=port)
    settings.check()
    named = [*(bundle or ()), *(scenario or ())] or ["card_payments"]
    loaded = [load_bundle(one) for one in named]
    warm_up(say)
    serve_bundle(settings, loaded, say=say, progress=lambda count: say(f"  {count:,} events read"))
