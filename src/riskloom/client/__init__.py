"""Speaks to a Riskloom server over HTTP: a door, used by the dashboard and the command line.

It knows the shapes of `/api/v1` and turns problem bodies back into the errors of `riskloom.errors`;
it computes nothing.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, cast
from urllib.parse import quote

import httpx

from riskloom.client.alerts import AlertCalls
from riskloom.client.calls import prefix
from riskloom.client.cases import CaseCalls
from riskloom.client.entities import EntityCalls
from riskloom.client.notices import NoticeCalls
from riskloom.client.policy import PolicyCalls
from riskloom.client.problems import AnswerUnexpected, ServerUnreachable, error_from, problem_of
from riskloom.client.rates import RateCalls
from riskloom.client.reports import ReportCalls
from riskloom.client.shapes import (
    BatchError,
    Decision,
    DecisionDetail,
    EventItem,
    FeatureValue,
    Health,
    Job,
    Label,
    Minute,
    ModelRun,
    Models,
    Page,
    Reason,
    Stats,
    Usual,
)
from riskloom.client.versions import VersionCalls
from riskloom.errors import DataInvalid, Fault, ParameterInvalid, StoreUnavailable, show

__all__ = [
    "AnswerUnexpected",
    "BatchError",
    "Client",
    "Decision",
    "DecisionDetail",
    "EventItem",
    "FeatureValue",
    "Health",
    "Job",
    "Label",
    "Minute",
    "ModelRun",
    "Models",
    "Page",
    "Reason",
    "ServerUnreachable",
    "Stats",
    "Usual",
    "error_from",
]

DEFAULT_URL = "http://127.0.0.1:8000"
NDJSON = "application/x-ndjson"
RETRAIN_TIMEOUT = 900.0
_WHOLE = ("/api/v1/health", "/api/v1/readiness", "/api/v1/scenarios/")


class Client(
    AlertCalls, CaseCalls, EntityCalls, NoticeCalls, PolicyCalls, RateCalls, ReportCalls, VersionCalls
):
    """One server, over pooled connections; may be shared by threads.

    Parameters
    ----------
    base_url
        Where the server is, `http://host:port`, with or without a path in front of `/api`.
    api_key
        Sent as a bearer token when given.
    timeout
        Seconds to wait for a connection, and for each part of an answer.
    scenario
        Which of the server's scenarios is meant; its first one when None.
    transport
        Takes the place of the network in tests.

    Raises
    ------
    ParameterInvalid
        When `base_url` is not an http address.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        api_key: str | None = None,
        *,
        timeout: float = 10.0,
        scenario: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = _checked_url(base_url)
        self.scenario_name = scenario
        headers = {"accept": "application/json"}
        if api_key:
            headers["authorization"] = f"Bearer {api_key}"
        self._http = httpx.Client(
            base_url=self.base_url,
            headers=headers,
            timeout=timeout,
            transport=transport,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=32),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def health(self) -> Health:
        """The server's own account of itself."""
        return cast(Health, self._get("/api/v1/health"))

    def ready(self) -> bool:
        """Whether the server takes events now; False while it starts, recovers, or does not answer."""
        try:
            self._get("/api/v1/readiness")
        except (StoreUnavailable, ServerUnreachable, AnswerUnexpected):
            return False
        return True

    def decisions(
        self,
        *,
        outcome: str | None = None,
        flagged: bool | None = None,
        min_risk: float | None = None,
        entity: str | None = None,
        reason: str | None = None,
        severity: str | None = None,
        since: str | None = None,
        until: str | None = None,
        order: Literal["newest", "risk"] = "newest",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Decision]:
        """Decisions that fit every given filter; `since` and `until` in ISO 8601, `limit` at most 500."""
        asked = {
            "outcome": outcome,
            "flagged": flagged,
            "min_risk": min_risk,
            "entity": entity,
            "reason": reason,
            "severity": severity,
            "since": since,
            "until": until,
            "order": order,
            "limit": limit,
            "cursor": cursor,
        }
        return cast(Page[Decision], self._get("/api/v1/decisions", asked))

    def decision(self, event_id: str) -> DecisionDetail:
        """One decision with its vector and evidence events.

        Raises
        ------
        NotFound
            When no decision was made about this event.
        """
        return cast(DecisionDetail, self._get(f"/api/v1/decisions/{quote(event_id, safe='')}"))

    def events(
        self,
        *,
        entity: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[EventItem]:
        """Events, newest arrival first; `entity` is a value of the main entity, say a customer's id."""
        asked = {"entity": entity, "since": since, "until": until, "limit": limit, "cursor": cursor}
        return cast(Page[EventItem], self._get("/api/v1/events", {**asked, "order": "newest"}))

    def stats(self) -> Stats:
        """Live counts."""
        return cast(Stats, self._get("/api/v1/stats"))

    def scenario(self) -> dict[str, Any]:
        """The scenario at work: fields, features, rules, policy."""
        return cast("dict[str, Any]", self._get("/api/v1/scenario"))

    def models(self) -> Models:
        """The model at work and the training runs."""
        return cast(Models, self._get("/api/v1/models"))

    def retrain(self, percentile: float = 98.0, *, timeout: float = RETRAIN_TIMEOUT) -> Job:
        """Train on what is stored; the new model is at work when the job is `done`. A server waits
        only so long, then answers a job that is `running`; see `job`.

        Raises
        ------
        ExtraMissing
            When the server has no training extra.
        """
        answer = self._post("/api/v1/models/retrain", params={"percentile": percentile}, timeout=timeout)
        return cast(Job, answer)

    def job(self, job_id: str) -> Job:
        """How a retraining goes."""
        return cast(Job, self._get(f"/api/v1/models/jobs/{quote(job_id, safe='')}"))

    def score(self, event: Mapping[str, Any], *, dry_run: bool = False, explain: bool = False) -> Decision:
        """Decide one event; with `dry_run` nothing is stored and no window moves, with `explain` the answer's
        `explanations` say what each feature added to the score of an approved event too.

        Raises
        ------
        EventInvalid
            With every fault of the event.
        EventConflict
            When its id was used with another body.
        StoreUnavailable
            When nothing was taken; the same event may be sent again.
        """
        asked = {"dry_run": dry_run, "include_explanations": explain}
        params = {name: "true" for name, wanted in asked.items() if wanted}
        return cast(Decision, self._post("/api/v1/score", _encode(event, "event"), params=params))

    def score_many(
        self, events: Iterable[Mapping[str, Any]], *, chunk: int = 1000, dry_run: bool = False
    ) -> Iterator[Decision | BatchError]:
        """Decide a stream of events, in order, holding no more than `chunk` of them.

        Yields
        ------
        For each event its decision, or `{"error": problem}` when that event was refused; the others go on.
        """
        return cast(
            "Iterator[Decision | BatchError]", self._stream("/api/v1/score/batch", events, chunk, dry_run)
        )

    def ingest(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take one event into the windows without deciding it."""
        return cast("dict[str, Any]", self._post("/api/v1/events", _encode(event, "event")))

    def ingest_many(
        self, events: Iterable[Mapping[str, Any]], *, chunk: int = 1000
    ) -> Iterator[dict[str, Any]]:
        """Take a stream of events in without deciding them; yields one answer an event, in order."""
        return self._stream("/api/v1/events/batch", events, chunk, False)

    def tell(self, labels: Sequence[Mapping[str, Any]]) -> list[Label | BatchError]:
        """Tell what up to 10,000 events turned out to be; for each label the stored one, in order, or
        `{"error": problem}` when it was refused; the others go on."""
        body = b",".join(_encode(label, f"labels[{at}]") for at, label in enumerate(labels))
        answer = self._post("/api/v1/labels", b'{"labels":[' + body + b"]}")
        return cast("list[Label | BatchError]", answer["results"])

    def lists(self, scenario: str | None = None) -> list[dict[str, Any]]:
        """Every list of a scenario (the server's first one if None), and how long it is."""
        return cast("list[dict[str, Any]]", self._get(f"{prefix(scenario)}/lists"))

    def list_entries(self, name: str, scenario: str | None = None) -> list[dict[str, Any]]:
        """Who is on a list; of personal fields the keys."""
        return cast("list[dict[str, Any]]", self._get(_list(name, scenario)))

    def export_entries(self, name: str, scenario: str | None = None) -> str:
        """The same as CSV."""
        return self._send("GET", _list(name, scenario), params={"format": "csv"}).text

    def add_entries(
        self, name: str, entries: Sequence[Mapping[str, Any]], scenario: str | None = None
    ) -> dict[str, int]:
        """Put values on a list: value, from, until, reason, author of each; how many were new."""
        body = b",".join(_encode(entry, f"entries[{at}]") for at, entry in enumerate(entries))
        return cast("dict[str, int]", self._post(_list(name, scenario), b"[" + body + b"]"))

    def import_entries(
        self, name: str, csv: bytes, author: str, scenario: str | None = None
    ) -> dict[str, int]:
        """Put the values of a CSV on a list."""
        path = _list(name, scenario)
        return cast(
            "dict[str, int]", _json(self._send("POST", path, csv, params={"author": author}, kind="text/csv"))
        )

    def remove_entry(
        self, name: str, value: str, reason: str, author: str, scenario: str | None = None
    ) -> dict[str, int]:
        """Take a value off a list.

        Raises
        ------
        NotFound
            When it is not on it.
        """
        params = {"value": value, "reason": reason, "author": author}
        return cast("dict[str, int]", _json(self._send("DELETE", _list(name, scenario), params=params)))

    def switches(self, scenario: str | None = None) -> dict[str, Any]:
        """What is switched off, what could be, and what was."""
        return cast("dict[str, Any]", self._get(f"{prefix(scenario)}/switches"))

    def switch(
        self, off: Sequence[str], reason: str, author: str, scenario: str | None = None
    ) -> dict[str, Any]:
        """Switch off just these: `model`, `policy`, `rule:CODE`."""
        body = _encode({"off": list(off), "reason": reason, "author": author}, "switches")
        return cast("dict[str, Any]", _json(self._send("PUT", f"{prefix(scenario)}/switches", body)))

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        scenario: str | None = None,
        actor: str | None = None,
        timeout: float | None = None,
    ) -> Any:
        """The JSON answer of one route; see `Calls`."""
        asked = {name: _plain(value) for name, value in (params or {}).items() if value is not None}
        content = None if body is None else _encode(body, "body")
        return _json(
            self._send(method, prefix(scenario) + path, content, params=asked, actor=actor, timeout=timeout)
        )

    def raw(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        kind: str = "",
        params: Mapping[str, Any] | None = None,
        scenario: str | None = None,
        actor: str | None = None,
    ) -> bytes:
        """The answer of one route as it is; see `Calls`."""
        url = prefix(scenario) + path
        return self._send(method, url, content, params=params, kind=kind, actor=actor).content

    def _stream(
        self, path: str, events: Iterable[Mapping[str, Any]], chunk: int, dry_run: bool
    ) -> Iterator[dict[str, Any]]:
        if chunk < 1:
            raise ParameterInvalid(Fault("chunk", "a number of events, at least 1", show(chunk)))
        params = {"dry_run": "true"} if dry_run else None
        rest, sent = iter(events), 0
        while part := list(itertools.islice(rest, chunk)):
            body = b"\n".join(_encode(event, f"events[{sent + at}]") for at, event in enumerate(part))
            answer = self._send("POST", path, body, params=params, kind=NDJSON)
            results = _lines(answer)
            if len(results) != len(part):
                raise AnswerUnexpected(f"{path} answered {len(results)} results for {len(part)} events.")
            yield from results
            sent += len(part)

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        asked = {name: _plain(value) for name, value in (params or {}).items() if value is not None}
        return _json(self._send("GET", path, params=asked))

    def _post(
        self,
        path: str,
        body: bytes | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        return _json(self._send("POST", path, body, params=params, timeout=timeout))

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        kind: str = "application/json",
        timeout: float | None = None,
        actor: str | None = None,
    ) -> httpx.Response:
        headers = httpx.Headers({"content-type": kind} if body is not None else {}, encoding="utf-8")
        if actor is not None:
            headers["x-riskloom-user"] = actor
        if kind == NDJSON:
            headers["accept"] = f"{NDJSON}, application/json"
        wait = httpx.USE_CLIENT_DEFAULT if timeout is None else httpx.Timeout(timeout)
        path = _within(path, self.scenario_name)
        try:
            answer = self._http.request(
                method, path, content=body, params=params, headers=headers, timeout=wait
            )
        except httpx.TimeoutException as error:
            hint = "it may be starting or busy; try again, or give it more time"
            raise ServerUnreachable(f"{self.base_url} did not answer in time.", hint=hint) from error
        except httpx.TransportError as error:
            hint = "start it with: riskloom serve"
            raise ServerUnreachable(f"No server answers at {self.base_url} ({error}).", hint=hint) from error
        if answer.is_success:
            return answer
        raise error_from(answer.status_code, problem_of(answer))


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        hint = "is this the address of a Riskloom server?"
        raise AnswerUnexpected(f"{answer.url} did not answer JSON.", hint=hint) from error


def _lines(answer: httpx.Response) -> list[dict[str, Any]]:
    if NDJSON not in answer.headers.get("content-type", ""):
        body = _json(answer)
        return cast("list[dict[str, Any]]", body["results"] if isinstance(body, dict) else body)
    try:
        return [json.loads(line) for line in answer.text.split("\n") if line.strip()]
    except ValueError as error:
        raise AnswerUnexpected(f"{answer.url} answered a line that is not JSON.") from error


def _encode(event: Mapping[str, Any], where: str) -> bytes:
    try:
        return json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise DataInvalid(Fault(where, "values that JSON can hold", str(error))) from error


def _plain(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _checked_url(text: str) -> str:
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as error:
        raise ParameterInvalid(Fault("base_url", "an http address", show(text), DEFAULT_URL)) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ParameterInvalid(Fault("base_url", "an http address", show(text), f"for example {DEFAULT_URL}"))
    return str(url).rstrip("/")


def _within(path: str, scenario: str | None) -> str:
    """A path of the API as that of one scenario, where it is not the whole server's."""
    if scenario is None or not path.startswith("/api/v1/") or path.startswith(_WHOLE):
        return path
    return prefix(scenario) + path.removeprefix("/api/v1")


def _list(name: str, scenario: str | None) -> str:
    return f"{prefix(scenario)}/lists/{quote(name, safe='')}"
