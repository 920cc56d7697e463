"""Bundles in S3, on moto's server: checksums, conditional writes, and errors that say what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from riskloom.adapters.bundles import open_store
from riskloom.errors import BundleInvalid, StoreUnavailable
from support.registries import Died, registry_of, small_bundle

BUCKET = "models"


def on(store: Any, event: str, handler: Callable[..., Any]) -> None:
    """Let boto3 call something on the way to S3."""
    store._client.meta.events.register(event, handler)


def test_every_object_has_its_sha256_in_s3(s3: Any) -> None:
    registry_of(s3.open()).publish(small_bundle(), "ana", "a")
    import base64
    import hashlib

    for key, content in s3.files().items():
        told = s3.client.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert told["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(content).digest()).decode(), key


@pytest.mark.parametrize("what", ["parts", "scenarios"])
def test_content_that_does_not_match_its_checksum_is_refused(s3: Any, what: str) -> None:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    registry_of(s3.open()).publish(small_bundle(), "ana", "a")
    for key, content in s3.files().items():
        if key.startswith(f"{s3.prefix}/{what}/"):
            held = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_object(BUCKET, key)
            held._value_buffer.seek(0)
            held._value_buffer.write(bytes([content[0] ^ 1]))
    with pytest.raises(BundleInvalid, match="damaged"):
        registry_of(s3.open()).fetch("small", 1)


def test_versions_share_the_parts_they_have_in_common(s3: Any) -> None:
    registry = registry_of(s3.open())
    registry.publish(small_bundle(80), "ana", "a")
    first = set(s3.files())
    put: list[str] = []
    store = s3.open()
    on(store, "before-call.s3.PutObject", lambda params, **_: put.append(params["url_path"]))
    registry_of(store).publish(small_bundle(81), "ana", "b")
    added = set(s3.files()) - first
    assert len(added) == 1 + 3  # the policy, manifest, inventory, record
    assert len(put) == len(added) + 1  # and once more the record, to see that it is refused


def test_wherever_a_publisher_dies_there_is_the_whole_version_or_none(s3: Any) -> None:
    died, visible = 0, []
    while True:
        store, count = s3.open(), []

        def die(count: list[int] = count, at: int = died, **_: Any) -> None:
            count.append(1)
            if len(count) == at + 1:
                raise Died

        on(store, "before-call.s3.PutObject", die)
        try:
            registry_of(store).publish(small_bundle(80), "ana", "a")
            break
        except Died:
            died += 1
        registry = registry_of(s3.open())
        visible.append("small" in registry.scenarios())
        if visible[-1]:
            assert registry.fetch("small", 1).fingerprint == small_bundle(80).fingerprint
            break
    assert died >= 4
    assert visible[0] is False


def test_parts_that_were_put_before_a_death_are_not_put_again(s3: Any) -> None:
    store, put = s3.open(), []

    def die_at_third(params: Any, **_: Any) -> None:
        put.append(params["url_path"])
        if len(put) == 3:
            raise Died

    on(store, "before-call.s3.PutObject", die_at_third)
    with pytest.raises(Died):
        registry_of(store).publish(small_bundle(), "ana", "a")
    store, again = s3.open(), []
    on(store, "before-call.s3.PutObject", lambda params, **_: again.append(params["url_path"]))
    registry_of(store).publish(small_bundle(), "ana", "a")
    assert not set(put[:2]) & set(again)


def test_a_server_that_ignores_if_none_match_is_refused(s3: Any) -> None:
    store = s3.open()
    on(store, "before-parameter-build.s3.PutObject", lambda params, **_: params.pop("IfNoneMatch", None))
    with pytest.raises(StoreUnavailable, match="ignores If-None-Match") as refused:
        registry_of(store).publish(small_bundle(), "ana", "a")
    assert "conditional writes" in refused.value.hint


def test_a_conflict_of_two_conditional_writes_is_tried_again(s3: Any) -> None:
    store, conflicts = s3.open(), [1, 1]
    from botocore.exceptions import ClientError

    def conflict(params: Any, **_: Any) -> None:
        if "If-None-Match" in params["headers"] and conflicts:
            conflicts.pop()
            raise ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "PutObject")

    on(store, "before-call.s3.PutObject", conflict)
    assert registry_of(store).publish(small_bundle(), "ana", "a").number == 1
    assert conflicts == []


def test_a_long_history_is_read_page_by_page(s3: Any) -> None:
    registry = registry_of(s3.open())
    registry.publish(small_bundle(), "ana", "a")
    for percent in (1, 2, 3, 4, 5):
        registry.move("small", 1, "canary", "ana", "more", percent)
    store = s3.open()
    on(store, "before-parameter-build.s3.ListObjectsV2", lambda params, **_: params.update(MaxKeys=2))
    assert registry_of(store).history("small") == registry.history("small")


def test_a_missing_bucket_is_named(s3: Any) -> None:
    url = s3.url.replace(f"s3://{BUCKET}", "s3://nowhere")
    for ask in (
        lambda: registry_of(open_store(url)).scenarios(),
        lambda: registry_of(open_store(url)).publish(small_bundle(), "ana", "a"),
    ):
        with pytest.raises(StoreUnavailable, match="NoSuchBucket") as refused:
            ask()
        assert "aws s3 mb s3://nowhere" in refused.value.hint


def test_without_credentials_it_says_where_to_put_them(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreUnavailable, match="no credentials") as refused:
        registry_of(s3.open()).scenarios()
    assert "AWS_ACCESS_KEY_ID" in refused.value.hint


def test_an_unknown_profile_is_told(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(Exception, match="nobody") as refused:
        s3.open()
    assert getattr(refused.value, "code", "") == "parameter_invalid"


@pytest.fixture
def guarded(s3: Any, moto_server: str) -> Iterator[Callable[..., dict[str, str]]]:
    """Makes users with a policy; from the first one on S3 checks every request's key and signature."""
    import boto3

    iam = boto3.client("iam", endpoint_url=moto_server)

    def user(name: str, *actions: str) -> dict[str, str]:
        _check_requests_after(moto_server, "Infinity")
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        _check_requests_after(moto_server, "0")
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    yield user
    _check_requests_after(moto_server, "Infinity")


def _check_requests_after(server: str, count: str) -> None:
    answer = httpx.post(
        f"{server}/moto-api/reset-auth", content=count, headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 200


def test_who_may_only_read_can_fetch_but_not_publish(
    s3: Any, guarded: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry_of(s3.open()).publish(small_bundle(80), "ana", "a")
    for name, value in guarded("reader", "s3:GetObject", "s3:ListBucket").items():
        monkeypatch.setenv(name, value)
    reader = registry_of(s3.open())
    assert reader.fetch("small", 1).fingerprint == small_bundle(80).fingerprint
    assert reader.lineup("small").champion is None
    assert reader.scenarios() == ("small",)
    with pytest.raises(StoreUnavailable, match="AccessDenied") as refused:
        reader.move("small", 1, "champion", "eve", "mine")
    assert "s3:PutObject" in refused.value.hint
    with pytest.raises(StoreUnavailable, match="AccessDenied"):
        reader.publish(small_bundle(81), "eve", "mine")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, "InvalidAccessKeyId"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
    ],
)
def test_wrong_credentials_are_told(
    s3: Any,
    guarded: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
    code: str,
) -> None:
    for name, value in {**guarded(f"writer-{code}", "s3:*"), **change}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreUnavailable, match=code) as refused:
        registry_of(s3.open()).publish(small_bundle(), "ana", "a")
    assert "wrong or have expired" in refused.value.hint
    assert "wrong" not in refused.value.message
