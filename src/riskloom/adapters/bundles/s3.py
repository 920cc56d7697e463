"""Bundles in a bucket of S3, or of a server that speaks its protocol.

    s3://bucket/prefix?endpoint=https://minio.example:9000&region=eu-central-1

    prefix/parts/<sha256>                           every published file, once however many versions have it
    prefix/scenarios/<scenario>/<number>.json       the log, one object a record

Objects are stored with their SHA-256, which S3 checks when they are put and we when they are got. A record
is put under `If-None-Match: *`: S3 refuses a number that is taken. Credentials come from where every AWS tool
has them (environment, profile, instance role), never from the URL.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from riskloom.errors import (
    BundleInvalid,
    ExtraMissing,
    Fault,
    ParameterInvalid,
    StoreUnavailable,
    nearest,
    show,
)
from riskloom.ports.bundle_store import Package, Saved, Standing, Tail

_DIGITS = 8
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPTIONS = ("endpoint", "region")
_CREDENTIALS = (
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId",
    "UnrecognizedClientException", "AuthFailure", "RequestTimeTooSkewed",
)  # fmt: skip
_DENIED = ("AccessDenied", "403", "AllAccessDisabled")
_ELSEWHERE = (
    "PermanentRedirect",
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
)


def open_store(url: str) -> S3Store:
    """The store at s3://bucket/prefix; asks the server nothing yet.

    Raises
    ------
    ParameterInvalid
        When the URL does not name a bucket, or holds what does not belong there.
    ExtraMissing
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    faults = [
        Fault("registry", f"no option but {' and '.join(_OPTIONS)}", show(name), nearest(name, _OPTIONS))
        for name in options
        if name not in _OPTIONS
    ]
    if "@" in parts.netloc:
        hint = "put the keys into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        faults.append(Fault("registry", "a URL without credentials", "some", hint))
    elif not _BUCKET.fullmatch(parts.netloc):
        faults.append(Fault("registry", "s3://bucket/prefix", show(url)))
    if faults:
        raise ParameterInvalid(faults)
    prefix = parts.path.strip("/")
    client = _client(options.get("endpoint"), options.get("region"))
    return S3Store(client, parts.netloc, f"{prefix}/" if prefix else "")


class S3Store:
    """See the module. `client` is boto3's for S3."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._is_proven = False

    @property
    def url(self) -> str:
        """Bucket and prefix."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def scenarios(self) -> tuple[str, ...]:
        """The scenarios that have a log, sorted."""
        logs = f"{self._prefix}scenarios/"
        with self._told("list"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=logs, Delimiter="/"
            )
            found = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())]
        return tuple(sorted(prefix.removeprefix(logs).rstrip("/") for prefix in found))

    def save(self, package: Package) -> Saved:
        """Keep a package's files; those that are there with the right checksum are left alone."""
        for content in package.files.values():
            key = f"{self._prefix}parts/{hashlib.sha256(content).hexdigest()}"
            if not self._holds(key, content):
                with self._told("write"):
                    self._put(key, content)
        return Saved("")

    def read(self, scenario: str, place: str, path: str, sha256: str) -> bytes:
        """One file, by its hash."""
        key = f"{self._prefix}parts/{sha256}"
        with self._told("read"):
            try:
                return self._get(key)
            except self._client.exceptions.NoSuchKey as error:
                raise BundleInvalid(
                    f"{path} of a version of {scenario} is missing: there is no s3://{self._bucket}/{key}.",
                    hint="restore it from a backup, or publish the same bundle again",
                ) from error

    def tail(self, scenario: str, after: int) -> Tail:
        """The records above `after`."""
        with self._told("list"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket,
                Prefix=f"{self._prefix}scenarios/{scenario}/",
                StartAfter=self._record(scenario, after),
            )
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        stems = [key.rpartition("/")[2].removesuffix(".json") for key in keys]
        numbers = sorted(int(stem) for stem in stems if len(stem) == _DIGITS and stem.isdecimal())
        with self._told("read"):
            records = tuple((number, self._get(self._record(scenario, number))) for number in numbers)
        return Tail(records, max(numbers, default=after) + 1)

    def append(self, scenario: str, number: int, record: bytes, summary: str) -> bool:
        """Put the record unless its number is taken."""
        key = self._record(scenario, number)
        if not self._put_new(key, record):
            return False
        if not self._is_proven and self._overwrites(key, record):
            raise StoreUnavailable(
                f"The server of {self.url} ignores If-None-Match: two publishers could overwrite each other's"
                " records.",
                hint="use a server with conditional writes, such as S3, or a folder",
            )
        return True

    def reflect(self, scenario: str, standings: Sequence[Standing]) -> None:
        """A bucket has no terms of its own."""

    def _record(self, scenario: str, number: int) -> str:
        return f"{self._prefix}scenarios/{scenario}/{number:0{_DIGITS}d}.json"

    def _put_new(self, key: str, content: bytes) -> bool:
        """Put an object that must not be there yet."""
        for _ in range(10):
            with self._told("write"):
                try:
                    self._put(key, content, IfNoneMatch="*")
                except self._client.exceptions.ClientError as error:
                    code = _code(error)
                    if code in ("PreconditionFailed", "412"):
                        return False
                    if code != "ConditionalRequestConflict":
                        raise
                else:
                    return True
        return False  # somebody else is at this very number; what they wrote is there to be read

    def _overwrites(self, key: str, record: bytes) -> bool:
        """Whether the server puts what must not be there over what is: asked once, with the same content."""
        try:
            ignored = self._put_new(key, record)
        except StoreUnavailable:  # the record is written; the question waits for the next one
            return False
        self._is_proven = not ignored
        return ignored

    def _put(self, key: str, content: bytes, **conditions: str) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=content,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=_checksum(content),
            **conditions,
        )

    def _get(self, key: str) -> bytes:
        """An object; what does not match the checksum it was stored with is refused."""
        answer = self._client.get_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        content: bytes = answer["Body"].read()
        stored = answer.get("ChecksumSHA256")
        if stored is not None and stored != _checksum(content):
            raise self._damaged(key)
        return content

    def _holds(self, key: str, content: bytes) -> bool:
        """Whether an object is there, whole; not known counts as not there."""
        with self._told("look for"):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
            except self._client.exceptions.ClientError as error:
                if _code(error) in ("404", "NoSuchKey", *_DENIED):
                    return False
                raise
        is_long_enough: bool = answer["ContentLength"] == len(content)
        return is_long_enough and answer.get("ChecksumSHA256") == _checksum(content)

    def _damaged(self, key: str) -> BundleInvalid:
        return BundleInvalid(
            f"s3://{self._bucket}/{key} is damaged: its content does not match its checksum.",
            hint="restore it from a backup, or publish the same bundle again",
        )

    @contextlib.contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Say what went wrong in S3, and what to do about it."""
        aws = importlib.import_module("botocore.exceptions")
        try:
            yield
        except aws.FlexibleChecksumError as error:
            raise BundleInvalid(
                f"An object of {self.url} is damaged: {error}.",
                hint="restore it from a backup, or publish the same bundle again",
            ) from error
        except aws.ClientError as error:
            said = error.response.get("Error", {}).get("Message", "")
            raise StoreUnavailable(
                f"S3 does not {doing} in {self.url}: {_code(error)} {said}".rstrip(". ") + ".",
                hint=self._advice(_code(error)),
            ) from error
        except (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError) as error:
            raise StoreUnavailable(
                f"There are no credentials for {self.url}: {error}", hint=_KEYS_HINT
            ) from error
        except (aws.BotoCoreError, aws.HTTPClientError, OSError) as error:
            raise StoreUnavailable(
                f"{self.url} cannot be reached: {error}",
                hint="check the network, and ?endpoint=... or AWS_ENDPOINT_URL for a server of your own",
            ) from error

    def _advice(self, code: str) -> str:
        if code in _CREDENTIALS:
            return f"the credentials are wrong or have expired: {_KEYS_HINT}"
        if code in _DENIED:
            return (
                "these credentials need s3:ListBucket and s3:GetObject to read, and s3:PutObject to publish"
                " and to move stages"
            )
        if code == "NoSuchBucket":
            return f"make it (aws s3 mb s3://{self._bucket}) or correct the URL"
        if code in _ELSEWHERE:
            return "the bucket is in another region: add ?region=NAME to the URL or set AWS_REGION"
        return ""


_KEYS_HINT = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"


def _client(endpoint: str | None, region: str | None) -> Any:
    """boto3's client; short waits, few retries, paths instead of host names for a server of one's own."""
    try:
        boto3 = importlib.import_module("boto3")
        config = importlib.import_module("botocore.config")
        aws = importlib.import_module("botocore.exceptions")
    except ImportError as cause:
        raise ExtraMissing("s3", "A registry in S3") from cause
    settings = config.Config(
        retries={"max_attempts": 4, "mode": "standard"},
        connect_timeout=5,
        read_timeout=60,
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    try:
        session = boto3.session.Session(region_name=region or None)
        return session.client("s3", endpoint_url=endpoint or None, config=settings)
    except (ValueError, aws.BotoCoreError) as error:  # an endpoint that is no URL, an unknown profile
        raise ParameterInvalid(Fault("registry", "an S3 client", str(error))) from error


def _checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
