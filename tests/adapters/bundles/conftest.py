"""Stores of every kind, each empty, with hands to look into them and to damage them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from riskloom.adapters.bundles import open_store
from riskloom.ports.bundle_store import BundleStore

BUCKET = "models"
KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


class Site:
    """Where a store is, and what it keeps there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def open(self) -> BundleStore:
        """The store, opened anew."""
        return open_store(self.url)

    def files(self) -> dict[str, bytes]:
        """Everything that is stored, by some name."""
        raise NotImplementedError

    def put(self, name: str, content: bytes | None) -> None:
        """Change one of `files` behind the store's back; None takes it away."""
        raise NotImplementedError

    def parts(self, content: bytes) -> list[str]:
        """The names of the files with a content."""
        return [name for name, held in self.files().items() if held == content]


class FolderSite(Site):
    """A folder; what is in it already belongs to others."""

    def __init__(self, root: Path, url: str) -> None:
        super().__init__(url)
        self.root = root
        self._others: frozenset[str] = frozenset()
        self._others = frozenset(self.files())

    def files(self) -> dict[str, bytes]:
        found = {str(path.relative_to(self.root)): path for path in sorted(self.root.rglob("*"))}
        return {
            name: path.read_bytes()
            for name, path in found.items()
            if path.is_file() and name not in self._others
        }

    def put(self, name: str, content: bytes | None) -> None:
        path = self.root / name
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)


class S3Site(Site):
    """A prefix in a bucket of moto's server."""

    def __init__(self, endpoint: str, prefix: str) -> None:
        super().__init__(f"s3://{BUCKET}/{prefix}?endpoint={endpoint}")
        self.endpoint = endpoint
        self.prefix = prefix
        self.client = s3_client(endpoint)

    def files(self) -> dict[str, bytes]:
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{self.prefix}/")
        return {
            entry["Key"]: self.client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
            for entry in listed.get("Contents", ())
        }

    def put(self, name: str, content: bytes | None) -> None:
        if content is None:
            self.client.delete_object(Bucket=BUCKET, Key=name)
        else:
            self.client.put_object(Bucket=BUCKET, Key=name, Body=content)


def s3_client(endpoint: str) -> Any:
    """boto3's client with the tests' keys."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name=KEYS["AWS_DEFAULT_REGION"],
    )


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """moto's server on loopback, with one bucket; gives its address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    s3_client(endpoint).create_bucket(Bucket=BUCKET)
    yield endpoint
    server.stop()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials for S3, and none of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3(moto_server: str, keys: None) -> S3Site:
    """An empty prefix."""
    return S3Site(moto_server, uuid.uuid4().hex)


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file that MLflow has filled with its tables: that takes it seconds."""
    from mlflow.tracking import MlflowClient

    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture(scope="session")
def mlflow_server(
    mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """A running MLflow tracking server: its address, and where it keeps artifacts.

    The server's own application (`mlflow.server:app`) under werkzeug: the command `mlflow server` wants
    gunicorn or more of the full package than mlflow-skinny brings.
    """
    folder = tmp_path_factory.mktemp("mlflow-server")
    (folder / "mlflow.db").write_bytes(mlflow_database.read_bytes())
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    }
    said = folder / "server.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE], env=environment, stdout=subprocess.PIPE, stderr=log
        )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()
        assert port, f"MLflow's server did not start: {said.read_text()}"
        yield f"127.0.0.1:{port}", folder / "artifacts"
    finally:
        process.terminate()
        process.communicate(timeout=30)


_SERVE = """
from werkzeug.serving import make_server
from mlflow.server import app
server = make_server("127.0.0.1", 0, app, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""

KINDS = [
    "folder",
    "s3",
    pytest.param("mlflow_database", marks=pytest.mark.slow),
    pytest.param("mlflow_server", marks=pytest.mark.slow),
]


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """An empty store, once of each kind."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    if request.param == "folder":
        return FolderSite(tmp_path / "models", str(tmp_path / "models"))
    if request.param == "s3":
        site: Site = request.getfixturevalue("s3")
        return site
    if request.param == "mlflow_database":
        file: Path = request.getfixturevalue("mlflow_database")
        mine = tmp_path / "mlflow.db"
        mine.write_bytes(file.read_bytes())
        return FolderSite(tmp_path / "mlflow.db-artifacts", f"mlflow+sqlite:///{mine}?name={name}")
    address, artifacts = request.getfixturevalue("mlflow_server")
    return FolderSite(artifacts, f"mlflow://{address}/{name}")


@pytest.fixture
def damaged() -> Callable[[Site, bytes], None]:
    """Changes one byte of whatever holds a content."""

    def damage(site: Site, content: bytes) -> None:
        (name,) = site.parts(content)
        site.put(name, bytes([content[0] ^ 1]) + content[1:])

    return damage
