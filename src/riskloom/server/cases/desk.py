"""Puts the parts of cases together for one scenario."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Engine

from riskloom.server.cases.closing import Closer, Resolve
from riskloom.server.cases.collecting import Collector
from riskloom.server.cases.dossier import Dossiers
from riskloom.server.cases.files import FileStore
from riskloom.server.cases.findings import Findings
from riskloom.server.cases.move_repo import MoveRepo
from riskloom.server.cases.paper_repo import PaperRepo
from riskloom.server.cases.papers import PaperService
from riskloom.server.cases.repo import CaseRepo
from riskloom.server.cases.service import CaseService
from riskloom.server.cases.timeline import Timeline
from riskloom.server.cases.timeline_repo import TimelineRepo
from riskloom.server.decisions.list_repo import ListRepo
from riskloom.server.decisions.view import Views
from riskloom.server.engine import DecisionEngine
from riskloom.server.settings import Settings

FILES = "files"
"""The folder of file contents in the data folder."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What people need to work on cases."""

    cases: CaseService
    papers: PaperService
    dossiers: Dossiers
    closer: Closer
    collector: Collector


def make_desk(
    settings: Settings,
    database: Engine,
    engine: DecisionEngine,
    events: ListRepo,
    views: Views,
    findings: Findings,
    resolve: Resolve,
) -> Desk:
    """The desk of one scenario; its closer and its collector have to be run beside it.

    Parameters
    ----------
    resolve
        Resolves the open alerts of a case that was closed.
    """
    name, clock = engine.bundle.scenario.name, engine.clock
    repo, moves, papers = CaseRepo(database, name), MoveRepo(database, name), PaperRepo(database, name)
    timeline = Timeline(TimelineRepo(database, name), papers, events, views)
    closer = Closer(repo, moves, findings, resolve, clock)
    service = CaseService(engine, repo, moves, papers, events, views, timeline, closer)
    files = FileStore(Path(settings.data_dir) / FILES)
    dossiers = Dossiers(service, repo, timeline, events, views, clock)
    return Desk(service, PaperService(papers, files, clock), dossiers, closer, Collector(repo, clock))
