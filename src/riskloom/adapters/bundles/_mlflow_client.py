"""MLflow's client: made when it is first needed, quiet, and with its troubles told in our words."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from riskloom.errors import BundleInvalid, StoreUnavailable

_CALM = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # a bundle's store tells nobody else
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # its own seven tries take minutes
}
"""Set where the environment does not say otherwise."""
_ANSWER_S = 5
_KEYS_HINT = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"


class Connection:
    """One MLflow: a server, or the database in `file`."""

    def __init__(self, uri: str, file: Path | None) -> None:
        self.uri = uri
        self._file = file
        self._client: Any = None
        self._lock = threading.Lock()
        self._registered: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether this is a database that is not there yet; asking MLflow would make it."""
        return self._file is not None and not self._file.exists()

    @contextlib.contextmanager
    def told(self, missing: str = "") -> Iterator[Any]:
        """The client; what goes wrong with it is said with what to do.

        Parameters
        ----------
        missing
            What is damaged when MLflow says that something does not exist.
        """
        client = self._connected()
        errors = importlib.import_module("mlflow.exceptions")
        try:
            yield client
        except errors.MlflowException as error:
            said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            if missing and (error.error_code == "RESOURCE_DOES_NOT_EXIST" or "404" in said):
                raise BundleInvalid(
                    f"{missing} is missing in {self.uri}: {said}", hint="was its run deleted? restore it"
                ) from error
            raise StoreUnavailable(
                f"MLflow at {self.uri} refused: {said}", hint=_advice(error.error_code, said)
            ) from error
        except OSError as error:  # of requests too
            if missing and "404" in str(error):
                raise BundleInvalid(
                    f"{missing} is missing in {self.uri}: {error}", hint="was its run deleted? restore it"
                ) from error
            raise StoreUnavailable(
                f"MLflow at {self.uri} cannot be reached: {error}", hint=_advice("", str(error))
            ) from error

    def experiment(self, name: str) -> str:
        """The id of an experiment, made when needed; a database's artifacts go into a folder beside it."""
        errors = importlib.import_module("mlflow.exceptions")
        location = None
        if self._file is not None:
            location = (self._file.absolute().parent / f"{self._file.name}-artifacts").as_uri()
        for _ in range(2):
            found = self._client.get_experiment_by_name(name)
            if found is not None:
                if found.lifecycle_stage != "active":
                    raise StoreUnavailable(
                        f"The experiment {name} in {self.uri} was deleted.",
                        hint="restore it, or give another name in the URL",
                    )
                return str(found.experiment_id)
            with contextlib.suppress(errors.MlflowException):  # somebody else has just made it
                return str(self._client.create_experiment(name, artifact_location=location))
        raise StoreUnavailable(f"The experiment {name} cannot be made in {self.uri}.")

    def register(self, model: str, description: str) -> None:
        """Make a registered model, if it is not there."""
        errors = importlib.import_module("mlflow.exceptions")
        if model in self._registered:
            return
        try:
            self._client.create_registered_model(model, description=description)
        except errors.MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        self._registered.add(model)

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                for name, value in _CALM.items():
                    os.environ.setdefault(name, value)
                self._check()
                tracking = importlib.import_module("mlflow.tracking")
                self._client = tracking.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
            return self._client

    def _check(self) -> None:
        """See at once what MLflow itself would find out after minutes of trying.

        Raises
        ------
        StoreUnavailable
        """
        if self._file is not None:
            if not self._file.absolute().parent.is_dir():
                raise StoreUnavailable(
                    f"There is no folder for {self._file}.", hint=f"mkdir -p {self._file.absolute().parent}"
                )
            if self._file.exists() and not _is_sqlite(self._file):
                raise StoreUnavailable(f"{self._file} is no SQLite database.", hint="correct the URL")
            return
        requests = importlib.import_module("requests")
        try:
            requests.get(f"{self.uri}/health", timeout=_ANSWER_S)
        except requests.RequestException as error:
            raise StoreUnavailable(
                f"MLflow at {self.uri} does not answer: {error}",
                hint="is the server running, and the URL right?",
            ) from error


def _is_sqlite(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(16) in (b"", b"SQLite format 3\x00")
    except OSError:
        return False


def _advice(code: str, said: str) -> str:
    if code in ("UNAUTHENTICATED", "PERMISSION_DENIED") or "401" in said or "403" in said:
        return f"it wants credentials, or these may not do this: {_KEYS_HINT}"
    if "out-of-date database schema" in said:
        return "mlflow db upgrade, with a backup at hand"
    return ""
