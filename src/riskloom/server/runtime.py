"""Puts the server's parts together, scenario by scenario, and takes them apart again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from riskloom.adapters.bundles import open_store
from riskloom.bundle import Bundle, read_bundle
from riskloom.clock import Clock, SystemClock
from riskloom.errors import BundleInvalid, Fault, ParameterInvalid
from riskloom.registry import Registry
from riskloom.server.alerts.job import close_regularly
from riskloom.server.alerts.list_repo import AlertListRepo
from riskloom.server.alerts.people import PeopleService
from riskloom.server.alerts.people_repo import PeopleRepo
from riskloom.server.alerts.repo import AlertRepo
from riskloom.server.alerts.service import AlertService
from riskloom.server.bundles import BundleTexts
from riskloom.server.cases.desk import make_desk
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
from riskloom.server.served import Runtime, Served
from riskloom.server.settings import Settings
from riskloom.server.snapshot_job import snapshot_regularly

Say = Callable[[str], None]


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
    model_repo, texts = ModelRepo(engine, name), BundleTexts(engine, settings.bundles_folder)
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
    recent, alert_repo, policies = RecentIds(), AlertRepo(engine, name), PolicyRepo(engine, name)
    deciding = await _start(shared, casting, policies, alert_repo, recent, progress)
    follower = None if caster is None else Follower(caster, deciding, settings.models_poll_s)
    lists = ListRepo(engine, name)
    views = Views(deciding.bundle.scenario, deciding.repo, lists, texts, recent, lineups)
    decisions = DecisionService(deciding, deciding.repo, lists, CountRepo(engine, name), views)
    models = ModelService(deciding, model_repo, texts, settings, clock, follower, QualityRepo(engine, name))
    label_repo, people_repo = LabelRepo(engine, name), PeopleRepo(engine, name)
    labels = LabelService(deciding, label_repo)
    alerts = AlertService(deciding, alert_repo, AlertListRepo(engine, name), people_repo, lists, views)
    desk = make_desk(settings, engine, deciding, lists, views, labels, alerts)
    entity_repo = EntityRepo(engine, name, deciding.bundle.scenario.main_entity)
    book = LinkBook(deciding.repo, entity_repo, lambda: deciding.bundle.scenario, settings.data_dir)
    runtime = Runtime(
        settings,
        deciding,
        decisions,
        models,
        views,
        lineups,
        follower,
        labels,
        PolicyService(deciding, policies, follower),
        ReplayJobs(settings),
        RuleCheck(deciding, lists, label_repo),
        ReportService(ReportRepo(engine, name, money_of(bundle.scenario)), bundle.scenario),
        desk,
        alerts,
        PeopleService(deciding, people_repo),
        NoticeService(engine, shared.relay, lambda: deciding.bundle.scenario, clock),
        EntityService(deciding, book, entity_repo, lists, views),
        Access(settings),
    )
    work = [snapshot_regularly(settings, deciding), close_regularly(alerts), book.follow(), *desk.beside()]
    if follower is not None:
        work.append(follower.run())
    beside = {asyncio.create_task(one) for one in work}
    try:
        yield runtime
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        await models.stop()
        await runtime.replays.stop()
        await deciding.stop()
        await asyncio.to_thread(book.stop)


async def _start(
    shared: Shared,
    casting: Casting,
    policies: PolicyRepo,
    alerts: AlertRepo,
    recent: RecentIds,
    progress: Progress | None,
) -> DecisionEngine:
    """The engine of a scenario, its state rebuilt from the log."""
    settings, clock, champion = shared.settings, shared.clock, casting.champion
    name = champion.scenario.name
    shared.relay.channels.check(name, champion.scenario.notices.channels)
    memory = await asyncio.to_thread(policies.memory)
    effects = Effects(alerts, champion, NoticePlan(lambda: deciding.bundle.scenario))
    known = await asyncio.to_thread(effects.read, champion, clock.now_us())
    repo = DecisionRepo(shared.engine, name)
    state = await asyncio.to_thread(rebuilt, repo, casting, memory, known, settings.data_dir, progress)
    deciding = DecisionEngine(
        shared.engine,
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
    return deciding


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
