"""Puts the server's parts together, scenario by scenario, and takes them apart again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine

from riskloom import __version__
from riskloom.adapters.bundles import open_store
from riskloom.bundle import Bundle, read_bundle
from riskloom.clock import Clock, SystemClock
from riskloom.errors import BundleInvalid, Fault, NotFound, ParameterInvalid, nearest, show
from riskloom.registry import Registry
from riskloom.rules.rule_set import Rule
from riskloom.scenario.scenario import Feature
from riskloom.server.alerts.job import close_regularly
from riskloom.server.alerts.list_repo import AlertListRepo
from riskloom.server.alerts.people import PeopleService
from riskloom.server.alerts.people_repo import PeopleRepo
from riskloom.server.alerts.repo import AlertRepo
from riskloom.server.alerts.service import AlertService
from riskloom.server.bundles import BundleTexts
from riskloom.server.cases.desk import Desk, make_desk
from riskloom.server.db import database_url, open_engine, upgrade
from riskloom.server.decisions.count_repo import CountRepo
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.decisions.service import DecisionService
from riskloom.server.decisions.view import Views
from riskloom.server.effects import Effects
from riskloom.server.engine import Arrivals, DecisionEngine
from riskloom.server.entities.book import LinkBook
from riskloom.server.entities.repo import EntityRepo
from riskloom.server.entities.service import EntityService
from riskloom.server.ids import RecentIds
from riskloom.server.labels.repo import LabelRepo
from riskloom.server.labels.service import LabelService
from riskloom.server.lineup.follower import Caster, Follower
from riskloom.server.lineup.repo import LineupRepo
from riskloom.server.lineup.team import Casting
from riskloom.server.lock import Lock, only_server
from riskloom.server.models.quality import QualityRepo
from riskloom.server.models.repo import ModelRepo
from riskloom.server.models.service import ModelService
from riskloom.server.notices.plan import NoticePlan
from riskloom.server.notices.service import NoticeService
from riskloom.server.policy.check import RuleCheck
from riskloom.server.policy.repo import PolicyRepo
from riskloom.server.policy.service import PolicyService
from riskloom.server.rebuild import Progress
from riskloom.server.recovery import rebuilt
from riskloom.server.relay import Relay, open_relay
from riskloom.server.replays.jobs import ReplayJobs
from riskloom.server.reports.repo import ReportRepo
from riskloom.server.reports.service import ReportService, money_of
from riskloom.server.security.access import Access
from riskloom.server.settings import Settings
from riskloom.server.snapshot_job import snapshot_regularly

Say = Callable[[str], None]


class Runtime:
    """The parts of one served scenario, made once and handed to every route."""

    def __init__(
        self,
        settings: Settings,
        engine: DecisionEngine,
        decisions: DecisionService,
        models: ModelService,
        views: Views,
        lineups: LineupRepo,
        follower: Follower | None,
        labels: LabelService,
        policy: PolicyService,
        replays: ReplayJobs,
        rule_check: RuleCheck,
        reports: ReportService,
        desk: Desk,
        alerts: AlertService,
        people: PeopleService,
        notices: NoticeService,
        entities: EntityService,
    ) -> None:
        self.settings = settings
        self.access = Access(settings)
        self.engine = engine
        self.decisions = decisions
        self.models = models
        self.views = views
        self.lineups = lineups
        self.follower = follower
        self.labels = labels
        self.policy = policy
        self.replays = replays
        self.rule_check = rule_check
        self.reports = reports
        self.desk = desk
        self.alerts = alerts
        self.people = people
        self.notices = notices
        self.entities = entities

    @property
    def bundle(self) -> Bundle:
        """The bundle at work."""
        return self.engine.bundle

    def health(self) -> dict[str, Any]:
        """What decides here."""
        bundle = self.bundle
        model = bundle.model
        return {
            "scenario": bundle.scenario.name,
            "bundle": bundle.fingerprint,
            "model": None
            if model is None
            else {"kind": model.kind, "trained_rows": model.info.get("trained_rows")},
            "versions": self.lineups.versions(self.engine.casting.number),
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
            "id_field": scenario.id_field,
            "time_field": scenario.time_field,
            "fields": [
                {
                    "name": field.name,
                    "type": field.type.value,
                    "entity": field.entity or None,
                    "pii": field.pii,
                    "required": field.required,
                    "values": list(field.values),
                    "currency_field": field.currency_field,
                }
                for field in scenario.fields
            ],
            "features": [_feature(feature, written.get(feature.name, {})) for feature in scenario.features],
            "rules": [_rule(rule) for rule in scenario.rules],
            "policy": dict(scenario.policy.as_data()),
        }


class Served:
    """The scenarios of one server; the first is meant where a path names none."""

    def __init__(self, runtimes: Sequence[Runtime]) -> None:
        self._runtimes: Mapping[str, Runtime] = {one.bundle.scenario.name: one for one in runtimes}
        self.first = runtimes[0]

    @property
    def all(self) -> tuple[Runtime, ...]:
        """Each scenario's parts, in the order they were named."""
        return tuple(self._runtimes.values())

    def of(self, scenario: str) -> Runtime:
        """A scenario's parts.

        Raises
        ------
        NotFound
            When it is not served here; names those that are.
        """
        runtime = self._runtimes.get(scenario)
        if runtime is None:
            meant = nearest(scenario, self._runtimes)
            hint = f"{meant} " if meant else ""
            hint += f"served are: {', '.join(self._runtimes)}"
            raise NotFound(f"The scenario {show(scenario)} is not served here.", hint=hint)
        return runtime

    def health(self) -> dict[str, Any]:
        """What runs here: the first scenario, and all of them."""
        every = [one.health() for one in self.all]
        return {"status": "ok", "version": __version__, **every[0], "scenarios": every}

    @property
    def unready(self) -> str | None:
        """Why some scenario takes no event at the moment, or None."""
        return next((one.engine.unready for one in self.all if one.engine.unready is not None), None)


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    bundles: Sequence[Bundle],
    *,
    clock: Clock | None = None,
    say: Say = lambda _text: None,
    progress: Progress | None = None,
) -> AsyncIterator[Served]:
    """Open the database, rebuild the states, and serve until the block ends.

    Parameters
    ----------
    bundles
        What decides, one for each scenario; a model retrained here later than its bundle was first used
        takes its place.
    say
        Told what is being done, in words.
    progress
        Told how many events of the log were read.

    Raises
    ------
    AlreadyRunning, StoreUnavailable, ParameterInvalid
    """
    settings.check()
    _check_names(bundles)
    clock = clock or SystemClock()
    engine = open_engine(database_url(settings.database_url), pool_size=5 + len(bundles))
    arrivals = Arrivals(0)
    try:
        async with contextlib.AsyncExitStack() as stack:
            lock = stack.enter_context(only_server(engine))
            upgrade(engine)
            runtimes: list[Runtime] = []
            relay = open_relay(settings, engine, lambda: [one.bundle.scenario for one in runtimes], clock)
            parts = Shared(settings, engine, lock, arrivals, clock, say, relay)
            runtimes += [
                await stack.enter_async_context(_deciding(parts, bundle, progress)) for bundle in bundles
            ]
            await stack.enter_async_context(relay.at_work())
            yield Served(runtimes)
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True)
class Shared:
    """What the scenarios of a server have in common."""

    settings: Settings
    engine: Engine
    lock: Lock
    arrivals: Arrivals
    clock: Clock
    say: Say
    relay: Relay


@contextlib.asynccontextmanager
async def _deciding(shared: Shared, bundle: Bundle, progress: Progress | None) -> AsyncIterator[Runtime]:
    """One scenario at work."""
    settings, engine, clock, say = shared.settings, shared.engine, shared.clock, shared.say
    name = bundle.scenario.name
    repo, model_repo, texts = (
        DecisionRepo(engine, name),
        ModelRepo(engine, name),
        BundleTexts(engine, settings.bundles_folder),
    )
    lists, counts, recent = ListRepo(engine, name), CountRepo(engine, name), RecentIds()
    if not settings.models:
        bundle = _newest(bundle, model_repo, say)
    texts.remember(bundle, clock.now_us())
    if bundle.model is not None:
        bundle.model.warm_up()
    say(f"reading the event log of {name}")
    casting, lineups = Casting(bundle), LineupRepo(engine, name)
    caster = None
    if settings.models:
        registry = Registry(
            await asyncio.to_thread(open_store, settings.models), clock, four_eyes=settings.four_eyes
        )
        caster = Caster(registry, name, lineups, texts, clock)
        casting = await asyncio.to_thread(caster.first, bundle, say)
    policies = PolicyRepo(engine, name)
    memory = await asyncio.to_thread(policies.memory)
    shared.relay.channels.check(name, casting.champion.scenario.notices.channels)
    alert_repo = AlertRepo(engine, name)
    plan = NoticePlan(lambda: deciding.bundle.scenario)
    effects = Effects(alert_repo, casting.champion, plan)
    known = await asyncio.to_thread(effects.read, casting.champion, clock.now_us())
    state = await asyncio.to_thread(rebuilt, repo, casting, memory, known, settings.data_dir, progress)
    deciding = DecisionEngine(
        engine,
        repo,
        casting,
        policies,
        settings.data_dir,
        shared.lock,
        recent,
        shared.arrivals,
        clock,
        effects,
    )
    await deciding.start(state)
    follower = None if caster is None else Follower(caster, deciding, settings.models_poll_s)
    views = Views(deciding.bundle.scenario, repo, lists, texts, recent, lineups)
    service = DecisionService(deciding, repo, lists, counts, views)
    models = ModelService(deciding, model_repo, texts, settings, clock, follower, QualityRepo(engine, name))
    replays = ReplayJobs(settings)
    policy = PolicyService(deciding, policies, follower)
    label_repo = LabelRepo(engine, name)
    labels, rule_check = LabelService(deciding, label_repo), RuleCheck(deciding, lists, label_repo)
    notices = NoticeService(engine, shared.relay, lambda: deciding.bundle.scenario, clock)
    people_repo = PeopleRepo(engine, name)
    alerts = AlertService(deciding, alert_repo, AlertListRepo(engine, name), people_repo, lists, views)
    people = PeopleService(deciding, people_repo)
    desk = make_desk(settings, engine, deciding, lists, views, labels, alerts)
    entity_repo = EntityRepo(engine, name, deciding.bundle.scenario.main_entity)
    book = LinkBook(repo, entity_repo, lambda: deciding.bundle.scenario, settings.data_dir)
    entities = EntityService(deciding, book, entity_repo, lists, views)
    beside = {
        asyncio.create_task(snapshot_regularly(settings, deciding)),
        asyncio.create_task(close_regularly(alerts)),
        asyncio.create_task(book.follow()),
        *(asyncio.create_task(work) for work in desk.beside()),
    }
    reports = ReportService(ReportRepo(engine, name, money_of(bundle.scenario)), bundle.scenario)
    if follower is not None:
        beside.add(asyncio.create_task(follower.run()))
    try:
        yield Runtime(
            settings,
            deciding,
            service,
            models,
            views,
            lineups,
            follower,
            labels,
            policy,
            replays,
            rule_check,
            reports,
            desk,
            alerts,
            people,
            notices,
            entities,
        )
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        await models.stop()
        await replays.stop()
        await deciding.stop()
        await asyncio.to_thread(book.stop)


def _check_names(bundles: Sequence[Bundle]) -> None:
    """Each scenario once, and at least one."""
    names = [bundle.scenario.name for bundle in bundles]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        expected = "each scenario once" if twice else "at least one scenario"
        raise ParameterInvalid(Fault("scenario", expected, ", ".join(twice) or "none", "name each once"))


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
    keys = ("entity", "aggregate", "of", "window", "delay", "include_current", "hub", "expression")
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
