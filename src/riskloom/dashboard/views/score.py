"""Score: an event typed in, or taken from the log and changed, decided at once; a dry run unless told
otherwise."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from riskloom.client import Decision
from riskloom.dashboard import connection, event_form, markup, story, words
from riskloom.dashboard.event_form import Question
from riskloom.dashboard.roles import Roles
from riskloom.errors import EventConflict, InputInvalid, NotFound

_FORM, _TRIES, _LIKE, _STORE = "score_form", "score_tries", "score_like", "score_store"
_RECENT, _RAISED, _KEPT, _WIDE = 60, 8, 8, 14
_EVIDENCE = 6
Try = dict[str, Any]
"""One decision asked for here: `event`, `answer` or `faults`, `stored`."""


def render() -> None:
    """Draw the page; `?like=` names an event to begin with."""
    scenario, roles = connection.scenario(), connection.roles()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title("Score", width="content")
        stores = st.toggle(
            "Store it",
            key=_STORE,
            help="On: the event becomes part of the history, as if a client had sent it. "
            "Off: it is only looked at, and nothing changes.",
        )
    recent = _recent(connection.address(), roles.scenario)
    asked = event_form.questions(scenario.get("fields") or (), recent)
    _begin(scenario, asked, recent)
    left, right = st.columns([5, 6], gap="large")
    with left:
        _ask(scenario, asked, recent, roles, stores=stores)
    with right:
        _show(roles)


def _events(url: str, scenario: str) -> list[dict[str, Any]]:
    items = connection.client().events(limit=_RECENT)["items"]
    return [item["event"] for item in items]


_recent = st.cache_data(ttl=20, max_entries=16, show_spinner=False)(_events)


def _begin(
    scenario: Mapping[str, Any], asked: Sequence[Question], recent: Sequence[Mapping[str, Any]]
) -> None:
    """Put something sensible into an empty form: the event that the address names, else the newest."""
    like = st.query_params.get("like", "")
    begun = (scenario.get("name"), like)
    if st.session_state.get(_LIKE) == begun and f"score_{asked[0].name}" in st.session_state:
        return
    if st.session_state.get(_LIKE) != begun:
        st.session_state[_TRIES] = []
    st.session_state[_LIKE] = begun
    event: Mapping[str, Any] = recent[0] if recent else {}
    if like:
        try:
            event = connection.client().decision(like)["event"]
        except NotFound:
            st.html(f'<p class="rl-note">No event “{markup.text(like)}” is known here.</p>')
    tries: list[Try] = st.session_state.get(_TRIES, [])
    _fill(scenario, asked, tries[0]["event"] if tries else event)


def _fill(scenario: Mapping[str, Any], asked: Sequence[Question], event: Mapping[str, Any]) -> None:
    own = event_form.own_values(scenario, f"try-{uuid.uuid4().hex[:8]}", datetime.now(UTC))
    for name, value in event_form.filled(asked, event, own).items():
        st.session_state[f"score_{name}"] = value


def _ask(
    scenario: Mapping[str, Any],
    asked: Sequence[Question],
    recent: Sequence[Mapping[str, Any]],
    roles: Roles,
    *,
    stores: bool,
) -> None:
    with st.form(_FORM, border=False):
        columns = st.columns(2 if len(asked) <= _WIDE else 3, gap="small")
        for at, one in enumerate(asked):
            with columns[at % len(columns)]:
                _widget(one)
        label = "Decide and store" if stores else f"Try this {roles.event_word}"
        sent = st.form_submit_button(label, type="primary", shortcut="Ctrl+Enter")
    if recent:
        st.button(
            f"Begin with the newest {roles.event_word}",
            type="tertiary",
            on_click=_fill,
            args=(scenario, asked, recent[0]),
        )
    if sent:
        answers = {one.name: st.session_state.get(f"score_{one.name}") for one in asked}
        _decide(event_form.event_of(asked, answers), stores=stores)


def _widget(one: Question) -> None:
    key = f"score_{one.name}"
    if not one.choices:
        st.text_input(one.label, key=key, help=one.help)
        return
    held = st.session_state.get(key) or ""
    options = list(dict.fromkeys(["", *one.choices, *([held] if one.is_open else [])]))
    if held not in options:
        st.session_state[key] = ""
    st.selectbox(
        one.label, options, key=key, help=one.help, accept_new_options=one.is_open,
        format_func=lambda value: value or words.MISSING,
    )  # fmt: skip


def _decide(event: Mapping[str, Any], *, stores: bool) -> None:
    made: Try = {"event": dict(event), "stored": stores}
    try:
        made["answer"] = connection.client().score(event, dry_run=not stores, explain=True)
    except InputInvalid as error:
        made["faults"] = error.faults
    except EventConflict as error:
        made["refused"] = error.message
    st.session_state[_TRIES] = [made, *st.session_state.get(_TRIES, [])][:_KEPT]


def _show(roles: Roles) -> None:
    tries: list[Try] = st.session_state.get(_TRIES, [])
    if not tries:
        st.html(
            f'<div class="rl-empty">Change what you like and press '
            f"“Try this {markup.text(roles.event_word)}”. The answer appears here: "
            "the outcome, the reasons with their evidence, and what raised the score.<br>"
            "Nothing is stored.</div>"
        )
        return
    newest = tries[0]
    if "faults" in newest:
        st.subheader(f"This is no {roles.event_word} yet")
        st.html(markup.faults(newest["faults"]))
    elif "refused" in newest:
        st.html(f'<div class="rl-error"><h3>Refused</h3><p>{markup.text(newest["refused"])}</p></div>')
    else:
        _answer(newest["answer"], roles, stored=newest["stored"])
    _earlier(tries, roles)


def _answer(found: Decision, roles: Roles, *, stored: bool) -> None:
    st.html(story.headline(found, roles))
    ways = (
        markup.link("decision", "Stored: open the decision →", event=found["event_id"])
        if stored
        else '<span class="rl-muted">A dry run: nothing was stored.</span>'
    )
    st.html(f'<nav class="rl-ways">{ways}</nav>')
    st.subheader("Why")
    st.html(story.reason_cards(found, roles))
    named = evidence_links(found)
    if named:
        st.html(f'<p class="rl-note">Behind it: {named}</p>')
    raised = raised_by(found, roles)
    if raised:
        st.subheader("What raised the score")
        st.html(markup.bars(raised))


def evidence_links(found: Decision) -> str:
    """Links to the events that the reasons name, the newest first."""
    names = list(dict.fromkeys(key for reason in found["reasons"] for key in reversed(reason["evidence"])))
    shown = [markup.link("decision", markup.text(name), event=name) for name in names[:_EVIDENCE]]
    rest = f" and {len(names) - _EVIDENCE} more" if len(names) > _EVIDENCE else ""
    return ", ".join(shown) + rest


def raised_by(found: Mapping[str, Any], roles: Roles) -> list[tuple[str, float, str]]:
    """What raised a score most, as bars: (feature in words, how much, its value)."""
    told = [one for one in found.get("explanations") or () if one["contribution"] > 0]
    told.sort(key=lambda one: -one["contribution"])
    return [
        (
            f'<span title="{markup.text(one["feature"])}">{markup.text(one["describe"])}</span>',
            float(one["contribution"]),
            roles.feature_text(one["feature"], one["value"]),
        )
        for one in told[:_RAISED]
    ]


def _earlier(tries: Sequence[Try], roles: Roles) -> None:
    """What was tried before in this session, and what was changed each time."""
    told = [made for made in tries if "answer" in made]
    if len(told) < 2:
        return
    skipped = {
        name
        for name in roles.fields
        if name in event_form.own_values(connection.scenario(), "x", datetime.now(UTC))
    }
    rows = []
    for at, made in enumerate(told):
        before = told[at + 1]["event"] if at + 1 < len(told) else None
        changed = event_form.changes(before, made["event"], skipped) if before else "the first"
        answer = made["answer"]
        rows.append(
            [
                markup.outcome(answer["outcome"]),
                markup.risk(answer["risk_score"], float(roles.policy.get("percentile") or 98)),
                markup.text(changed or "the same again"),
            ]
        )
    st.subheader("Tried so far")
    st.html(markup.table(["Outcome", "Risk", "Changed"], rows))
