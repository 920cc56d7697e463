"""Puts the parts of cases together for one scenario."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine

from riskloom.server.alerts.service import AlertService
from riskloom.server.cases.alert_label_repo import AlertLabelRepo
from riskloom.server.cases.alert_labels import AlertLabels
from riskloom.server.cases.closing import Closer
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
from riskloom.server.labels.service import LabelService
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
    alert_labels: AlertLabels

    def beside(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What has to run beside the desk until it is cancelled."""
        return self.closer.run(), self.collector.run(), self.alert_labels.run()


def make_desk(
    settings: Settings,
    database: Engine,
    engine: DecisionEngine,
    events: ListRepo,
    views: Views,
    labels: LabelService,
    alerts: AlertService,
) -> Desk:
    """The desk of one scenario. From here on, alerts that are resolved give labels."""
    name, clock = engine.bundle.scenario.name, engine.clock
    repo, moves, papers = CaseRepo(database, name), MoveRepo(database, name), PaperRepo(database, name)
    timeline = Timeline(TimelineRepo(database, name), papers, events, views)
    findings = Findings(labels, events)
    closer = Closer(repo, moves, findings, alerts.end, clock)
    alert_labels = AlertLabels(AlertLabelRepo(database, name), findings, clock)
    alerts.resolved = alert_labels.resolved
    service = CaseService(engine, repo, moves, papers, events, views, timeline, closer)
    files = FileStore(Path(settings.data_dir) / FILES)
    dossiers = Dossiers(service, repo, timeline, events, views, clock)
    paper_service, collector = PaperService(papers, files, clock), Collector(repo, clock)
    return Desk(service, paper_service, dossiers, closer, collector, alert_labels)
