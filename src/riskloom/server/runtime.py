"""Puts the server's parts together, and takes them apart again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from riskloom import __version__
from riskloom.bundle import Bundle, read_bundle
from riskloom.clock import Clock, SystemClock
from riskloom.errors import BundleInvalid
from riskloom.rules.rule_set import Rule
from riskloom.scenario.scenario import Feature
from riskloom.server.bundles import BundleTexts
from riskloom.server.db import database_url, open_engine, upgrade
from riskloom.server.decisions.count_repo import CountRepo
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.decisions.service import DecisionService
from riskloom.server.decisions.view import Views
from riskloom.server.engine import DecisionEngine
from riskloom.server.ids import RecentIds
from riskloom.server.labels.repo import LabelRepo
from riskloom.server.labels.service import LabelService
from riskloom.server.lock import only_server
from riskloom.server.models.repo import ModelRepo
from riskloom.server.models.service import ModelService
from riskloom.server.rebuild import Progress, Snapshots
from riskloom.server.recovery import rebuilt
from riskloom.server.security.access import Access
from riskloom.server.settings import Settings
from riskloom.server.snapshot_job import snapshot_regularly

Say = Callable[[str], None]


class Runtime:
    """The parts of a running server, made once and handed to every route."""

    def __init__(
        self,
        settings: Settings,
        engine: DecisionEngine,
        decisions: DecisionService,
        models: ModelService,
        views: Views,
        labels: LabelService,
    ) -> None:
        self.settings = settings
        self.access = Access(settings)
        self.engine = engine
        self.decisions = decisions
        self.models = models
        self.views = views
        self.labels = labels

    @property
    def bundle(self) -> Bundle:
        """The bundle at work."""
        return self.engine.bundle

    def health(self) -> dict[str, Any]:
        """What runs here."""
        bundle = self.bundle
        model = bundle.model
        return {
            "status": "ok",
            "version": __version__,
            "scenario": bundle.scenario.name,
            "bundle": bundle.fingerprint,
            "model": None
            if model is None
            else {"kind": model.kind, "trained_rows": model.info.get("trained_rows")},
            "arrivals": self.engine.arrival,
            "ready": self.engine.unready is None,
        }

    def describe(self) -> dict[str, Any]:
        """The scenario at work, for clients that show it."""
        scenario = self.bundle.scenario
        head = scenario.parts["features"]
        written = {f["name"]: f for f in head.get("features", [])}
        return {
            "name": scenario.name,
            "describe": scenario.describe,
            "base_currency": scenario.base_currency,
            "timezone": scenario.timezone,
            "main_entity": scenario.main_entity,
            "fields": [
                {
                    "name": field.name,
                    "type": field.type.value,
                    "entity": field.entity or None,
                    "pii": field.pii,
                    "required": field.required,
                }
                for field in scenario.fields
            ],
            "features": [_feature(feature, written.get(feature.name, {})) for feature in scenario.features],
            "rules": [_rule(rule) for rule in scenario.rules],
            "policy": dict(scenario.policy.as_data()),
        }


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    bundle: Bundle,
    *,
    clock: Clock | None = None,
    say: Say = lambda _text: None,
    progress: Progress | None = None,
) -> AsyncIterator[Runtime]:
    """Open the database, rebuild the state, and serve until the block ends.

    Parameters
    ----------
    bundle
        What decides; a model retrained here later than this bundle was first used takes its place.
    say
        Told what is being done, in words.
    progress
        Told how many events of the log were read.

    Raises
    ------
    AlreadyRunning, StoreUnavailable, ParameterInvalid
    """
    settings.check()
    clock = clock or SystemClock()
    engine = open_engine(database_url(settings.database_url))
    try:
        with only_server(engine) as lock:
            upgrade(engine)
            name = bundle.scenario.name
            repo, model_repo, texts = DecisionRepo(engine, name), ModelRepo(engine, name), BundleTexts(engine)
            lists, counts, recent = ListRepo(engine, name), CountRepo(engine, name), RecentIds()
            bundle = _newest(bundle, model_repo, say)
            texts.remember(bundle, clock.now_us())
            snapshots = Snapshots(settings.data_dir, bundle)
            if bundle.model is not None:
                bundle.model.warm_up()
            say("reading the event log")
            state = await asyncio.to_thread(rebuilt, repo, bundle, snapshots, progress)
            deciding = DecisionEngine(engine, repo, bundle, snapshots, lock, recent, clock)
            await deciding.start(state)
            views = Views(bundle.scenario, repo, lists, texts, recent)
            service = DecisionService(deciding, repo, lists, counts, views)
            models = ModelService(deciding, model_repo, texts, settings, clock)
            labels = LabelService(deciding, LabelRepo(engine, name))
            snapshotting = asyncio.create_task(snapshot_regularly(settings, deciding))
            try:
                yield Runtime(settings, deciding, service, models, views, labels)
            finally:
                snapshotting.cancel()
                await asyncio.wait({snapshotting})
                await models.stop()
                await deciding.stop()
    finally:
        engine.dispose()


def _newest(bundle: Bundle, repo: ModelRepo, say: Say) -> Bundle:
    """The bundle given, or the one retrained from it here since."""
    path = repo.newest_since(bundle.fingerprint)
    if path is None:
        return bundle
    try:
        newest = read_bundle(path)
    except BundleInvalid as error:
        say(f"the model retrained last cannot be used ({error.message}); serving the bundle given")
        return bundle
    if newest.scenario.fingerprint("features") != bundle.scenario.fingerprint("features"):
        return bundle
    return newest


def _feature(feature: Feature, written: dict[str, Any]) -> dict[str, Any]:
    keys = ("entity", "aggregate", "of", "window", "delay", "include_current", "expression")
    known = {key: written[key] for key in keys if key in written}
    return {"name": feature.name, "describe": feature.describe, **known}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code,
        "severity": rule.severity.value,
        "action": rule.action.value,
        "when": rule.when.text,
        "message": rule.message,
    }
