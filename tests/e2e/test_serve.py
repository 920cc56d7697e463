"""`riskloom serve` as a process: starting, refusing to start, ending, and trouble while it runs."""

from __future__ import annotations

import json
import os
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from riskloom.bundle import Bundle, write_bundle
from support.databases import KINDS, Database
from support.events import at, burst, payment
from support.process import Load, run, serve
from support.replay import check_log

pytestmark = pytest.mark.e2e
MakeDatabase = Callable[[str], Database]


@pytest.mark.parametrize("kind", KINDS)
def test_it_serves_ends_in_order_and_goes_on(
    make_database: MakeDatabase, trained: Bundle, tmp_path: Path, kind: str
) -> None:
    database = make_database(kind)
    folder = write_bundle(trained, tmp_path / "bundle")
    events = [payment(f"e-{n}", timestamp=None, amount=n + 1) for n in range(12)]
    answers = []
    for part in (events[:6], events[6:]):
        with serve(database, "--bundle", str(folder)) as process, process.client() as client:
            assert client.get("/health").json()["model"]["kind"] == "isolation_forest"
            for event in part:
                answer = client.post("/api/v1/score", json=event)
                assert answer.status_code == 200
                answers.append(answer.json())
    assert answers[-1]["flagged"]
    assert "e-0" in next(r for r in answers[-1]["reasons"] if r["code"] == "VELOCITY_1H")["evidence"]
    assert list(database.data_dir.rglob("state.npz"))
    assert check_log(database, trained) == [event["event_id"] for event in events]
    with serve(database, "--bundle", str(folder)) as process, process.client() as client:
        assert [client.post("/api/v1/score", json=event).json() for event in events] == answers


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_server_on_the_same_database_is_refused(
    make_database: MakeDatabase, tmp_path: Path, kind: str
) -> None:
    database = make_database(kind)
    with serve(database) as process:
        second = run(
            "serve", "--database", database.url, "--data-dir", str(tmp_path), "--port", "0", cwd=tmp_path
        )
        assert second.returncode == 2
        assert "Another server" in second.stderr
        assert "Traceback" not in second.stderr
        with process.client() as client:
            assert client.post("/score", json=payment(timestamp=None)).status_code == 200


def test_what_keeps_it_from_starting_is_told_in_a_sentence(
    make_database: MakeDatabase, trained: Bundle, tmp_path: Path
) -> None:
    folder = write_bundle(trained, tmp_path / "bundle")
    part = max((folder / "parts").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "manifest.json").write_text(json.dumps({"format": "mlflow", "parts": {}}))
    notes = tmp_path / "notes.db"
    notes.write_text("not a database " * 500)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        url = make_database("sqlite").url
        for words, message in (
            (("--port", port), f"127.0.0.1:{port} cannot be used"),
            (("--host", "0.0.0.0"), "RISKLOOM_API_KEY"),  # noqa: S104 - it is refused
            (("--bundle", str(folder)), "is damaged"),
            (("--bundle", str(foreign)), "not of format riskloom-bundle-1"),
            (("--database", f"sqlite:///{notes}"), "file is not a database"),
            (("--database", "mysql://x/y"), "postgresql://user@host/name"),
            (("--database", "postgresql://nobody@127.0.0.1:9/x"), "cannot be reached"),
            (("--scenario", "card_paymnts"), "card_payments"),
        ):
            given = ("--database", url) if "--database" not in words else ()
            ended = run("serve", "--port", "0", *given, *words, cwd=tmp_path)
            assert ended.returncode == 2, (words, ended.stderr)
            assert message in " ".join(ended.stderr.split()), (words, ended.stderr)
            assert "Traceback" not in ended.stderr


def test_with_a_key_it_serves_strangers_who_know_it(make_database: MakeDatabase) -> None:
    key = "a-long-random-text-for-tests"
    with serve(make_database("sqlite"), "--host", "0.0.0.0", api_key=key) as process:  # noqa: S104
        port = process.url.rpartition(":")[2]
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Host": "risk.example.com"}
        ) as client:
            assert client.post("/score", json=payment(timestamp=None)).status_code == 401
            headers = {"Authorization": f"Bearer {key}"}
            assert client.post("/score", json=payment(timestamp=None), headers=headers).status_code == 200
        assert key not in "".join(process.said)


def test_bytes_that_are_no_http_do_no_harm(make_database: MakeDatabase) -> None:
    with serve(make_database("sqlite")) as process, process.client() as client:
        address = ("127.0.0.1", int(process.url.rpartition(":")[2]))
        body = json.dumps(payment(timestamp=None)).encode()
        for sent in (
            b"\x16\x03\x01\x02\x00",
            b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n{",
            b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n{}",
            b"POST /api/v1/score/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n",
            b"POST /api/v1/score/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n[",
            b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
            b"POST /score HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
        ):
            with socket.create_connection(address, timeout=10) as connection:
                connection.sendall(sent)
        assert client.post("/score", json=payment("after", timestamp=None)).status_code == 200
        said = "".join(process.said)
        assert "Traceback" not in said, said


def test_a_full_disk_is_503_and_when_there_is_room_it_goes_on(
    make_database: MakeDatabase, bundle: Bundle
) -> None:
    database = make_database("sqlite")
    with serve(database) as process, process.client() as client:
        for event in burst(20):
            assert client.post("/score", json=event | {"timestamp": at(0)}).status_code in (200, 422)
        size = max(os.path.getsize(path) for path in database.file.parent.iterdir() if path.is_file())
        before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, before[1]))
        load = Load(clients=4)
        threads = load.start(process)
        load.wait_for(20, "refused")
        assert all("store_unavailable" in refused for refused in load.refused)
        assert client.get("/api/v1/health").status_code == 200
        load.stopped.set()
        for thread in threads:
            thread.join(30)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
        deadline = time.monotonic() + 20
        while client.get("/api/v1/readiness").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        after = client.post("/api/v1/score", json=payment("after", timestamp=None))
        assert after.status_code == 200, after.text
        load.retry(process)
        process.kill()
    assert set(check_log(database, bundle)) >= set(load.sent) | {"after"}
