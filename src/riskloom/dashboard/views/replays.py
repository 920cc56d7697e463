"""The second half of Rules & replay: a draft on history, its comparison, and its way to the champion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from riskloom.dashboard import charts, comparison, connection, markup, stages, words
from riskloom.dashboard.roles import Roles
from riskloom.errors import Conflict, InputInvalid, NotFound, RiskloomError

_JOB, _VERSION = "replay_job", "replay_version"


def render(roles: Roles) -> None:
    """Draw it; while a replay runs, it renews itself."""
    st.subheader("On history")
    job = _job()
    running = job is not None and job["status"] == "running"
    _order(roles, running=running)
    if job is None:
        st.html(
            '<div class="rl-empty">A replay decides every stored event again, by the rules as they are and '
            "as you changed them, in a process of its own. It changes nothing.</div>"
        )
    elif running:
        st.fragment(run_every="1s")(_watch)(roles)
    else:
        _result(job, roles)


def _job() -> dict[str, Any] | None:
    job_id = st.query_params.get("replay") or st.session_state.get(_JOB)
    if not job_id:
        return None
    try:
        found = connection.client().replay(job_id)
    except NotFound:
        st.session_state.pop(_JOB, None)
        return None
    st.query_params["replay"] = st.session_state[_JOB] = job_id
    return found


def _order(roles: Roles, *, running: bool) -> None:
    """What a replay is to cost with, and the button that begins it."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        review = st.number_input(
            "A review costs",
            0.0,
            value=5.0,
            step=1.0,
            key="replay_review",
            width=130,
            persist_state="session",
        )
        insult = st.number_input(
            "An honest one bothered", 0.0, value=10.0, step=1.0, key="replay_insult", width=170,
            persist_state="session",
        )  # fmt: skip
        budget = st.number_input(
            "Alerts a day you can look at", 0, value=0, step=10, key="replay_budget", width=200,
            help="0: no budget", persist_state="session",
        )  # fmt: skip
        began = st.button(
            "Replay on history", type="primary", icon=":material/replay:", disabled=running, shortcut="Alt+H"
        )
    if not began:
        return
    checked = st.session_state.get("rules_checked")
    if not checked:
        st.warning("The rule has faults; what it says above comes first.")
        return
    order: dict[str, Any] = {"rules": checked["rules"], "costs": {"review": review, "insult": insult}}
    if budget:
        order["budget"] = budget
    try:
        job = connection.client().begin_replay(**order)
    except (Conflict, InputInvalid) as error:
        st.error(error.message)
        return
    st.query_params["replay"] = st.session_state[_JOB] = job["job_id"]
    st.session_state["replay_code"], st.session_state["replay_rules"] = checked["code"], checked["rules"]
    st.session_state.pop(_VERSION, None)
    st.rerun()


def _watch(roles: Roles) -> None:
    """How far it is; a click ends it. Where it has ended, the whole page is drawn again."""
    with connection.explained():
        job = _job()
        if job is not None and job["status"] == "running":
            _progress(job, roles)
        else:
            st.rerun()


def _progress(job: Mapping[str, Any], roles: Roles) -> None:
    total = connection.client().stats()["total_events"]
    done = job["warm_up"] + job["counted"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(comparison.progress(job, total), f"{done:,} of {total:,} {roles.event_word}s")
        if st.button("Cancel", icon=":material/close:", key="replay_cancel"):
            connection.client().cancel_replay(job["job_id"])
            st.rerun()


def _result(job: Mapping[str, Any], roles: Roles) -> None:
    if job["status"] != "done":
        said = job["error"] or "It was cancelled."
        st.html(f'<div class="rl-empty">The replay gave no result. {markup.text(said)}</div>')
        return
    result, code = job["result"], st.session_state.get("replay_code") or st.query_params.get("rule", "")
    st.html(f'<p class="rl-verdict">{markup.text(comparison.verdict(result))}</p>')
    left, right = st.columns([1, 1], gap="large")
    left.html(comparison.table(result, roles))
    with right:
        st.altair_chart(
            charts.lines(comparison.by_day(result), connection.palette(), x="day", y="alerts", by="side",
                         title="Alerts a day"), width="stretch", theme=None,
        )  # fmt: skip
        st.html(comparison.changes(result))
    if code:
        st.subheader(f"{words.reason_title(code)}, by itself")
        st.html(comparison.rule_lines(result, code))
    with st.expander("Events that come out otherwise", expanded=True):
        st.html(comparison.examples(result, roles))
    if st.session_state.get("replay_rules"):
        _publish()


def _publish() -> None:
    """Its way to the champion: published, then moved from stage to stage."""
    st.subheader("Make it so")
    version: int | None = st.session_state.get(_VERSION)
    if version is None:
        with st.form("replay_publish", border=False):
            reason = st.text_input("Why", key="replay_reason", placeholder="What the next reader should know")
            sent = st.form_submit_button("Publish as a candidate", icon=":material/publish:")
        if not sent:
            return
        if not reason.strip():
            st.warning("Say why: it stays in the history.")
            return
        try:
            made = connection.client().publish_rules(
                st.session_state["replay_rules"], reason.strip(), connection.user()
            )
        except RiskloomError as error:
            st.error(f"{error.message} {error.hint}".strip())
            return
        st.session_state[_VERSION] = made["version"]
        st.rerun()
    st.html(
        f'<p class="rl-note">Published as version {version}. '
        f"{markup.link('models', 'See all versions →', version=str(version))}</p>"
    )
    stages.controls(int(version or 0))
