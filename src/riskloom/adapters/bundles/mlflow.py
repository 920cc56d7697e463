"""Bundles in MLflow: on a tracking server, or straight in its database.

    mlflow://host:port/name               a server over http; mlflow+https://host/name over https
    mlflow+sqlite:///file.db?name=name    a database file; artifacts go into a folder beside it

`name` (riskloom when not given) is an experiment. Each publication is a run of it with parameters, metrics,
the bundle and what was attached as artifacts, and a version of the registered model `name.scenario`; MLflow
numbers it. The aliases `champion` and `challenger` (the canary, else the newest shadow) follow the stages.

The log is a registered model too, `name.scenario.history`: MLflow numbers versions one after the other,
whoever asks, so a record that gets another number than it was written for is void, for every reader.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from riskloom.adapters.bundles import _mlflow_client
from riskloom.domain.stage import Stage
from riskloom.errors import ExtraMissing, Fault, ParameterInvalid, show
from riskloom.ports.bundle_store import Package, Saved, Standing, Tail

CHAMPION, CHALLENGER = "champion", "challenger"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_RECORD, _NUMBER = "riskloom.record", "riskloom.number"
_FINGERPRINT, _CONTENT, _STAGE = "riskloom.fingerprint", "riskloom.content", "riskloom.stage"
_PERCENT, _SCENARIO = "riskloom.percent", "riskloom.scenario"
_UNFIT = re.compile(r"[^\w./ -]")
_LONGEST_KEY, _LONGEST_VALUE = 250, 6000
_BATCH = 100
_PAGE = 1000


def open_store(url: str) -> MlflowStore:
    """The store at a URL; asks the server or the database nothing yet.

    Raises
    ------
    ParameterInvalid
    ExtraMissing
    """
    if importlib.util.find_spec("mlflow") is None:
        raise ExtraMissing("mlflow", "A registry in MLflow")
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    name = options.pop("name", "")
    protocol = parts.scheme.lower().partition("+")[2] or "http"
    base = parts.path
    if protocol in ("http", "https") and not name:
        base, _, name = parts.path.rstrip("/").rpartition("/")
    name = name or "riskloom"
    faults = [Fault("registry", "no option but name", show(option)) for option in options]
    if "@" in parts.netloc:
        hint = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        faults.append(Fault("registry", "a URL without credentials", "some", hint))
    if not _NAME.fullmatch(name):
        faults.append(Fault("registry", "a name of letters, digits, _ and -", show(name)))
    is_server = protocol in ("http", "https") and bool(parts.netloc)
    is_file = protocol == "sqlite" and not parts.netloc and len(base) > 1
    if not is_server and not is_file:
        expected = "mlflow://host:port/name or mlflow+sqlite:///file.db"
        faults.append(Fault("registry", expected, show(url.partition("@")[2] or url)))
    if faults:
        raise ParameterInvalid(faults)
    if is_file:
        return MlflowStore(_mlflow_client.Connection(f"sqlite://{base}", Path(base[1:])), name)
    return MlflowStore(
        _mlflow_client.Connection(f"{protocol}://{parts.netloc}{base}".rstrip("/"), None), name
    )


class MlflowStore:
    """See the module."""

    def __init__(self, connection: _mlflow_client.Connection, name: str) -> None:
        self._to = connection
        self._name = name

    @property
    def url(self) -> str:
        """Where MLflow is, and the name there."""
        return f"{self._to.uri} ({self._name})"

    def scenarios(self) -> tuple[str, ...]:
        """The scenarios that have a log, sorted."""
        if self._to.is_empty:
            return ()
        start, end = f"{self._name}.", ".history"
        with self._to.told() as client:
            named = [
                model.name
                for model in _every(client.search_registered_models, f"name LIKE '{start}%{end}'")
                if model.name.startswith(start) and model.name.endswith(end)
            ]
        return tuple(sorted(name.removeprefix(start).removesuffix(end) for name in named))

    def save(self, package: Package) -> Saved:
        """Keep a package as a run and a model version; one with the same files already is used again."""
        content = _digest(package.files)
        model = self._model(package.scenario)
        with self._to.told() as client:
            self._to.register(model, f"Bundles of {package.scenario}, published by Riskloom.")
            for version in _every(
                client.search_model_versions, f"name='{model}' and tags.`{_CONTENT}`='{content}'"
            ):
                return Saved(version.run_id, int(version.version))
            run = self._run(client, package)
            made = client.create_model_version(
                model,
                source=f"{run.info.artifact_uri}/bundle",
                run_id=run.info.run_id,
                tags={_FINGERPRINT: package.fingerprint, _CONTENT: content, _SCENARIO: package.scenario},
                description=f"{package.author}: {package.reason}",
                await_creation_for=0,
            )
        return Saved(run.info.run_id, int(made.version))

    def read(self, scenario: str, place: str, path: str, sha256: str) -> bytes:
        """One file of a run."""
        with (
            tempfile.TemporaryDirectory(prefix="riskloom-") as folder,
            self._to.told(missing=f"{path} of a version of {scenario}") as client,
        ):
            return Path(client.download_artifacts(place, path, folder)).read_bytes()

    def tail(self, scenario: str, after: int) -> Tail:
        """The records above `after`, without those that are void."""
        if self._to.is_empty:
            return Tail((), after + 1)
        history = self._history(scenario)
        with self._to.told() as client:
            found = {
                int(version.version): version.tags
                for version in _every(client.search_model_versions, f"name='{history}'")
            }
        records = tuple(
            (number, found[number].get(_RECORD, "").encode())
            for number in sorted(found)
            if number > after and found[number].get(_NUMBER) == str(number)
        )
        return Tail(records, max(found, default=after) + 1)

    def append(self, scenario: str, number: int, record: bytes, summary: str) -> bool:
        """Let MLflow number the record; with another number than its own it is void."""
        history = self._history(scenario)
        with self._to.told() as client:
            if number == 1:
                self._to.register(
                    history, f"Every change of {scenario}'s stages. Do not edit: Riskloom's log."
                )
            made = client.create_model_version(
                history,
                source=f"riskloom:///{scenario}",
                tags={_RECORD: record.decode(), _NUMBER: str(number)},
                description=summary,
                await_creation_for=0,
            )
        return int(made.version) == number

    def reflect(self, scenario: str, standings: Sequence[Standing]) -> None:
        """Set aliases and tags; take away what lost the race to publish the same bundle."""
        model = self._model(scenario)
        recorded = {standing.version: standing for standing in standings}
        with self._to.told() as client:
            for version in _every(client.search_model_versions, f"name='{model}'"):
                standing = recorded.get(int(version.version))
                if standing is not None:
                    _tag(client, model, version, standing)
                elif any(version.tags.get(_FINGERPRINT) == one.fingerprint for one in standings):
                    client.delete_model_version(model, version.version)
            aliases = client.get_registered_model(model).aliases
            wanted = {CHAMPION: _champion(standings), CHALLENGER: _challenger(standings)}
            for alias, number in wanted.items():
                if number is None and alias in aliases:
                    client.delete_registered_model_alias(model, alias)
                elif number is not None and str(aliases.get(alias)) != str(number):
                    client.set_registered_model_alias(model, alias, str(number))

    def _run(self, client: Any, package: Package) -> Any:
        """A finished run with everything of a package; one that could not be finished says so."""
        run = client.create_run(
            self._to.experiment(self._name),
            run_name=f"{package.scenario} {package.fingerprint[:12]}",
            tags={
                "mlflow.user": package.author,
                "mlflow.note.content": package.reason,
                _SCENARIO: package.scenario,
                _FINGERPRINT: package.fingerprint,
            },
        )
        run_id, status = run.info.run_id, "FAILED"
        try:
            _log_figures(client, run_id, package)
            with tempfile.TemporaryDirectory(prefix="riskloom-") as folder:
                for path, content in package.files.items():
                    file = Path(folder) / path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content)
                client.log_artifacts(run_id, folder)
            status = "FINISHED"
        finally:
            with contextlib.ExitStack() as stack:
                if status == "FAILED":  # what went wrong first is what is told
                    stack.enter_context(contextlib.suppress(Exception))
                client.set_terminated(run_id, status)
        return run

    def _model(self, scenario: str) -> str:
        return f"{self._name}.{scenario}"

    def _history(self, scenario: str) -> str:
        return f"{self._name}.{scenario}.history"


def _log_figures(client: Any, run_id: str, package: Package) -> None:
    """Parameters and metrics under names, and of lengths, that MLflow takes."""
    entities = importlib.import_module("mlflow.entities")
    time_ms = importlib.import_module("mlflow.utils.time").get_current_time_millis()
    params = [
        entities.Param(_key(name), value[:_LONGEST_VALUE])
        for name, value in package.parameters.items()
        if value
    ]
    metrics = [entities.Metric(_key(name), value, time_ms, 0) for name, value in package.metrics.items()]
    for start in range(0, len(params), _BATCH):
        client.log_batch(run_id, params=params[start : start + _BATCH])
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _BATCH])


def _key(name: str) -> str:
    return _UNFIT.sub("_", name)[:_LONGEST_KEY]


def _tag(client: Any, model: str, version: Any, standing: Standing) -> None:
    percent = "" if standing.percent is None else f"{standing.percent:g}"
    for key, value in {_STAGE: standing.stage.value, _PERCENT: percent}.items():
        if version.tags.get(key, "") != value:
            client.set_model_version_tag(model, version.version, key, value)


def _champion(standings: Sequence[Standing]) -> int | None:
    return next((one.version for one in standings if one.stage is Stage.CHAMPION), None)


def _challenger(standings: Sequence[Standing]) -> int | None:
    """The canary, else the newest shadow."""
    for stage in (Stage.CANARY, Stage.SHADOW):
        at = [one.version for one in standings if one.stage is stage]
        if at:
            return max(at)
    return None


def _digest(files: Mapping[str, bytes]) -> str:
    """One hash of all files."""
    hashed = hashlib.sha256()
    for path in sorted(files):
        hashed.update(f"{hashlib.sha256(files[path]).hexdigest()} {path}\n".encode())
    return hashed.hexdigest()


def _every(search: Any, wanted: str) -> Iterator[Any]:
    """All that a search of MLflow finds, page by page."""
    token = None
    while True:
        page = search(wanted, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
