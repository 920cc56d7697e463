"""Bundles in MLflow: what its own users see there, in a database file and on a running server."""

from __future__ import annotations

import http.server
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from riskloom.adapters.bundles import open_store
from riskloom.bundle import Bundle, read_bundle
from riskloom.errors import BundleInvalid, NotFound, StoreUnavailable
from support.registries import Died, Wrapped, registry_of, small_bundle

pytestmark = [
    pytest.mark.slow,  # importing MLflow takes seconds
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of MLflow itself
]


class Place:
    """A store's URL, and MLflow's own client for the same place."""

    def __init__(self, url: str, uri: str, name: str) -> None:
        from mlflow.tracking import MlflowClient

        self.url = url
        self.uri = uri
        self.name = name
        self.client: Any = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def registry(self) -> Any:
        """A registry, opened anew."""
        return registry_of(open_store(self.url))

    @property
    def model(self) -> Any:
        """The registered model."""
        return self.client.get_registered_model(f"{self.name}.small")

    def version(self, number: int) -> Any:
        """One of its versions."""
        return self.client.get_model_version(f"{self.name}.small", str(number))

    def aliases(self) -> dict[str, int]:
        """Its aliases."""
        return {alias: int(version) for alias, version in self.model.aliases.items()}


@pytest.fixture(params=["database", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place in MLflow: in a database file, and on a running server."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    if request.param == "server":
        address, _ = request.getfixturevalue("mlflow_server")
        return Place(f"mlflow://{address}/{name}", f"http://{address}", name)
    mine = tmp_path / "mlflow.db"
    mine.write_bytes(request.getfixturevalue("mlflow_database").read_bytes())
    return Place(f"mlflow+sqlite:///{mine}?name={name}", f"sqlite:///{mine}", name)


def test_a_publication_is_a_run_with_parameters_metrics_plots_and_the_bundle(
    place: Place, trained: Bundle, tmp_path: Path
) -> None:
    made = place.registry().publish(
        trained,
        "ana",
        "for the committee",
        metrics={"average_precision": 0.61, "at 1 %": {"recall": 0.5}},
        attachments={"plots/pr.png": b"\x89PNG", "report.html": b"<p>"},
    )
    client = place.client
    (version,) = client.search_model_versions(f"name='{place.name}.card_payments'")
    assert int(version.version) == made.number
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["model.kind"] == "isolation_forest"
    assert run.data.params["detector.parameters.trees"] == "20"
    assert run.data.params["model.info.trained_rows"] == "400"
    assert run.data.metrics == {"average_precision": 0.61, "at 1 _.recall": 0.5}
    assert run.data.tags["mlflow.user"] == "ana"
    assert run.data.tags["mlflow.note.content"] == "for the committee"
    assert version.tags["riskloom.fingerprint"] == trained.fingerprint
    artifacts = Path(client.download_artifacts(version.run_id, "", str(tmp_path)))
    assert (artifacts / "attachments" / "plots" / "pr.png").read_bytes() == b"\x89PNG"
    assert read_bundle(artifacts / "bundle").fingerprint == trained.fingerprint
    assert place.registry().fetch("card_payments", 1).fingerprint == trained.fingerprint


def test_aliases_and_tags_follow_the_stages(place: Place) -> None:
    registry = place.registry()
    for percentile in (80, 81, 82):
        registry.publish(small_bundle(percentile), "ana", "new")
    assert place.aliases() == {}
    registry.move("small", 1, "champion", "ana", "first")
    registry.move("small", 3, "shadow", "ana", "look")
    assert place.aliases() == {"champion": 1, "challenger": 3}
    registry.move("small", 2, "canary", "ana", "try", 5)
    assert place.aliases() == {"champion": 1, "challenger": 2}
    assert place.version(2).tags["riskloom.stage"] == "canary"
    assert place.version(2).tags["riskloom.percent"] == "5"
    registry.move("small", 2, "champion", "ana", "better")
    assert place.aliases() == {"champion": 2, "challenger": 3}
    assert place.version(1).tags["riskloom.stage"] == "retired"
    registry.move("small", 3, "retired", "ana", "no use")
    registry.rollback("small", "bob", "worse")
    assert place.aliases() == {"champion": 1}
    assert place.version(2).tags["riskloom.percent"] == ""


def test_an_alias_that_somebody_moved_is_put_right_by_the_next_change(place: Place) -> None:
    registry = place.registry()
    registry.publish(small_bundle(80), "ana", "a")
    registry.publish(small_bundle(81), "ana", "b")
    registry.move("small", 1, "champion", "ana", "first")
    place.client.set_registered_model_alias(f"{place.name}.small", "champion", "2")
    assert place.registry().champion("small").number == 1
    registry.move("small", 2, "shadow", "ana", "look")
    assert place.aliases() == {"champion": 1, "challenger": 2}


def test_the_champion_is_found_as_mlflow_users_find_it(place: Place, tmp_path: Path) -> None:
    registry = place.registry()
    registry.publish(small_bundle(80), "ana", "a")
    registry.publish(small_bundle(81), "ana", "b")
    registry.move("small", 2, "champion", "ana", "first")
    version = place.client.get_model_version_by_alias(f"{place.name}.small", "champion")
    source = place.client.get_model_version_download_uri(f"{place.name}.small", version.version)
    assert source.endswith("/bundle")
    folder = place.client.download_artifacts(version.run_id, "bundle", str(tmp_path))
    assert read_bundle(folder).fingerprint == small_bundle(81).fingerprint


def test_the_history_is_readable_in_mlflow(place: Place) -> None:
    registry = place.registry()
    registry.publish(small_bundle(80), "ana", "a")
    registry.move("small", 1, "canary", "bob", "a week of calm", 5)
    records = place.client.search_model_versions(f"name='{place.name}.small.history'")
    told = {int(record.version): record.description for record in records}
    assert told[2] == "move (1: candidate -> canary for 5 %) by bob: a week of calm"


def test_who_loses_the_race_to_publish_leaves_no_second_version(place: Place) -> None:
    rival = place.registry()
    bundle = small_bundle(80)
    store = Wrapped(
        open_store(place.url),
        before=lambda: rival.publish(bundle, "bob", "faster", attachments={"notes.txt": b"other files"}),
    )
    registry_of(store).publish(bundle, "ana", "slower")
    registry_of(store).publish(small_bundle(81), "ana", "next")
    versions = place.client.search_model_versions(f"name='{place.name}.small'")
    assert sorted(version.tags["riskloom.fingerprint"] for version in versions) == sorted(
        [bundle.fingerprint, small_bundle(81).fingerprint]
    )
    numbers = {int(version.version) for version in versions}
    assert {version.number for version in place.registry().versions("small")} == numbers


def test_a_run_that_could_not_be_finished_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = open_store(place.url)
    with store._to.told() as client:

        def die(*_: object) -> None:
            raise Died

        monkeypatch.setattr(client, "log_artifacts", die)
    with pytest.raises(Died):
        registry_of(store).publish(small_bundle(80), "ana", "a")
    experiment = place.client.get_experiment_by_name(place.name)
    (run,) = place.client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"
    assert place.client.search_model_versions(f"name='{place.name}.small'") == []
    assert place.registry().publish(small_bundle(80), "ana", "again").number == 1


def test_a_record_that_was_deleted_in_mlflow_is_missed(place: Place) -> None:
    registry = place.registry()
    registry.publish(small_bundle(80), "ana", "a")
    registry.move("small", 1, "shadow", "ana", "look")
    registry.move("small", 1, "champion", "ana", "good")
    place.client.delete_model_version(f"{place.name}.small.history", "2")
    with pytest.raises(BundleInvalid, match="Record 3 of small"):
        place.registry().champion("small")


def test_artifacts_that_were_deleted_are_told(place: Place) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    place.registry().publish(small_bundle(80), "ana", "a")
    run = place.client.get_run(place.version(1).run_id)
    get_artifact_repository(run.info.artifact_uri, tracking_uri=place.uri).delete_artifacts("bundle")
    with pytest.raises(BundleInvalid, match="is missing"):
        place.registry().fetch("small", 1)


def test_nothing_is_said_on_stdout(place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    registry = place.registry()
    registry.publish(small_bundle(80), "ana", "a")
    registry.move("small", 1, "champion", "ana", "first")
    registry.fetch("small", 1)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Downloading" not in err


def test_reading_a_database_neither_makes_nor_changes_it(tmp_path: Path, mlflow_database: Path) -> None:
    absent = tmp_path / "absent.db"
    registry = registry_of(open_store(f"mlflow+sqlite:///{absent}"))
    assert registry.scenarios() == ()
    with pytest.raises(NotFound):
        registry.versions("small")
    assert not absent.exists()
    mine = tmp_path / "mine.db"
    mine.write_bytes(mlflow_database.read_bytes())
    registry_of(open_store(f"mlflow+sqlite:///{mine}")).publish(small_bundle(), "ana", "a")
    before = mine.read_bytes()
    registry_of(open_store(f"mlflow+sqlite:///{mine}")).fetch("small", 1)
    assert mine.read_bytes() == before


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes, and not a database")
    with pytest.raises(StoreUnavailable, match="is no SQLite database"):
        registry_of(open_store(f"mlflow+sqlite:///{tmp_path}/notes.txt")).scenarios()
    with pytest.raises(StoreUnavailable, match="no folder for") as refused:
        registry_of(open_store(f"mlflow+sqlite:///{tmp_path}/a/b.db")).publish(small_bundle(), "ana", "a")
    assert "mkdir -p" in refused.value.hint


class Refusing(http.server.BaseHTTPRequestHandler):
    """A server that wants credentials."""

    def do_GET(self) -> None:
        body = b"You are not authenticated."
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """The address of a server that answers 401."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_wants_credentials_is_told(refusing: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        registry_of(open_store(f"mlflow://{refusing}/team")).scenarios()
    assert "401" in refused.value.message
    assert "MLFLOW_TRACKING_USERNAME" in refused.value.hint
