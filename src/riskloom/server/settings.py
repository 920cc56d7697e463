"""Every setting of the server, read once from the environment (`RISKLOOM_*`) and passed down as values."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from riskloom.errors import Fault, ParameterInvalid


class Settings(BaseSettings):
    """What the server can be told; the command line sets the same things."""

    model_config = SettingsConfigDict(env_prefix="RISKLOOM_", extra="ignore", frozen=True)

    host: str = Field(
        "127.0.0.1", description="Address to listen on. Anything but loopback needs an API key."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    database_url: str = Field(
        "sqlite:///riskloom.db",
        description="SQLAlchemy URL: sqlite:///file.db or postgresql://user@host/name.",
    )
    data_dir: str = Field(
        "riskloom-data", description="Folder for retrained bundles, state snapshots and dead letters."
    )
    models: str = Field(
        "",
        description="Registry to follow: a folder, s3://bucket/prefix, mlflow://host:port/name; or none.",
    )
    models_poll_s: float = Field(
        5.0, gt=0, description="Seconds between two looks at the registry for another line-up."
    )
    four_eyes: bool = Field(
        False, description="Whoever published a version may not make it canary or champion."
    )
    channels: SecretStr | None = Field(
        None,
        description="Where notices go beside `log`: a JSON object of names and URLs, see notices.md.",
    )
    dashboard_url: str = Field("", description="Public address of the dashboard, for links in notices.")
    notice_attempts: int = Field(
        16, ge=1, le=1000, description="Attempts to deliver a notice before it is a dead letter."
    )
    notice_pause_s: float = Field(
        2.0, gt=0, le=3600, description="Seconds before the second attempt; twice as many before each next."
    )
    notice_timeout_s: float = Field(
        20.0,
        gt=0,
        le=600,
        description="Seconds an attempt may take; after three times that a relay counts as dead.",
    )
    api_key: SecretStr | None = Field(None, description="The shared key clients send as a bearer token.")
    max_body_bytes: int = Field(8_000_000, ge=1024, description="Largest request body that is read.")
    retrain_wait_s: float = Field(
        300.0, ge=0, description="Seconds a retrain request waits for its answer; then 202 and a job."
    )
    retrain_max_rows: int = Field(
        500_000, ge=100, description="Most stored vectors that retraining uses; the newest ones."
    )
    snapshot_events: int = Field(
        200_000,
        ge=0,
        description="Events after which the state is snapshotted in the background; 0 only on exit.",
    )
    parity_s: float = Field(
        600.0,
        gt=0,
        description="Seconds after which a sample of new decisions is recomputed, and the state snapshotted.",
    )
    log_json: bool = Field(False, description="Log lines as JSON instead of for people.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @classmethod
    def read(cls, **given: object) -> Settings:
        """The settings of the environment, overruled by what is given and not None.

        Raises
        ------
        ParameterInvalid
            With every setting that does not fit.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        except ValidationError as error:
            raise ParameterInvalid(
                [
                    Fault(f"RISKLOOM_{str(one['loc'][0]).upper()}", one["msg"].lower(), repr(one["input"]))
                    for one in error.errors()
                ]
            ) from error

    @property
    def bundles_folder(self) -> Path:
        """Where the bundles that decided are kept: trained here, fetched, or given."""
        return Path(self.data_dir) / "bundles"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check(self) -> None:
        """Refuse what would open the server to others without a key.

        Raises
        ------
        ParameterInvalid
        """
        key = self.api_key.get_secret_value() if self.api_key else ""
        if not self.is_loopback and not key:
            raise ParameterInvalid(
                Fault(
                    "host",
                    "127.0.0.1, or authentication configured",
                    self.host,
                    "set RISKLOOM_API_KEY to a long random text; clients send 'Authorization: Bearer <key>'",
                )
            )
        if self.api_key is not None and len(key) < 16:
            raise ParameterInvalid(
                Fault(
                    "RISKLOOM_API_KEY",
                    "at least 16 characters",
                    f"{len(key)} characters",
                    "openssl rand -hex 24",
                )
            )


def settings_table() -> str:
    """The settings as the table of docs/operating.md; a test compares them."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else field.default
        lines.append(f"| `RISKLOOM_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def settings_example() -> str:
    """The settings as `.env.example`; a test compares them."""
    lines = ["# Every setting of the server, with its default. Copy to .env and change what you need.", ""]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else field.default
        lines += [f"# {field.description}", f"# RISKLOOM_{name.upper()}={default}", ""]
    return "\n".join(lines)
