"""`riskloom serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from riskloom.cli.console import complete_scenario, say
from riskloom.errors import Fault, ParameterInvalid


def serve(
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            "-s",
            help="Serve a scenario by its rules, before it has a model.",
            autocompletion=complete_scenario,
        ),
    ] = None,
    bundle: Annotated[str | None, typer.Option(help="Serve a trained bundle's folder.")] = None,
    database: Annotated[
        str | None,
        typer.Option(help="sqlite:///file.db or postgresql://user@host/name. [RISKLOOM_DATABASE_URL]"),
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(help="Folder for bundles and snapshots. [RISKLOOM_DATA_DIR]")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [RISKLOOM_HOST]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [RISKLOOM_PORT]")] = None,
) -> None:
    """Serve the HTTP API: decide events durably, in order, with evidence.

    On 127.0.0.1 no key is needed; any other address needs RISKLOOM_API_KEY. Ctrl-C commits what is queued and
    ends.
    """
    from riskloom.features.kernel import warm_up
    from riskloom.scorer import load_bundle
    from riskloom.server.serve import serve as serve_bundle
    from riskloom.server.settings import Settings

    if scenario is not None and bundle is not None:
        raise ParameterInvalid(
            Fault("--scenario and --bundle", "one of them", "both", "a bundle has its scenario")
        )
    settings = Settings.read(database_url=database, data_dir=data_dir, host=host, port=port)
    settings.check()
    loaded = load_bundle(bundle or scenario or "card_payments")
    warm_up(say)
    serve_bundle(settings, loaded, say=say, progress=lambda count: say(f"  {count:,} events read"))
