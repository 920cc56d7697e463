"""Alerts: what waits for a person, the most valuable first; one of them with its evidence; the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from riskloom.dashboard import alert_words, connection, markup, words
from riskloom.dashboard.roles import Roles
from riskloom.dashboard.views import alert
from riskloom.errors import InputInvalid, RiskloomError

SHOWN: Mapping[str, str] = {
    "": "Waiting",
    "mine": "Mine",
    "snoozed": "Snoozed",
    "escalated": "Escalated",
    "resolved,auto_closed": "Closed",
}
ACTS: Mapping[str, str] = {
    "claim": "Claim",
    "release": "Release",
    "snooze": "Snooze",
    "escalate": "Escalate",
    "resolve": "Resolve",
    "reopen": "Open again",
}
_LIVE, _PAGE = "alerts_live", 50
_FILTERS = ("show", "queue", "severity", "reason", "entity")


def render() -> None:
    """Draw the queue, or the alert that the address names."""
    roles = connection.roles()
    chosen = st.query_params.get("alert", "")
    if chosen.isdecimal():
        alert.render(int(chosen), roles)
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title("Alerts", width="content")
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            st.toggle("Live", value=True, key=_LIVE, help="Off: the list stands still.")
            bulk = st.toggle("Many at once", key="alerts_bulk")
            st.button(
                "Next", type="primary", icon=":material/arrow_forward:", shortcut="N",
                on_click=alert.take_next, help="Claims the most valuable alert that nobody has",
            )  # fmt: skip
    alert.tell_missed()
    asked = _ask(roles)
    if bulk:
        _many(asked, roles)
        return
    every = "4s" if st.session_state.get(_LIVE) else None
    st.fragment(run_every=every)(_list)(asked, roles)


def _ask(roles: Roles) -> dict[str, Any]:
    """The filters as the address and the widgets say, as a question to the server."""
    params = {name: st.query_params.get(name, "") for name in _FILTERS}
    if not any(params.values()) and "alerts_show" not in st.session_state:
        params = st.session_state.get("alerts_kept", params)
    if st.session_state.get("alerts_given") != params or "alerts_show" not in st.session_state:
        for name, value in params.items():
            known = {"show": SHOWN, "severity": words.SEVERITIES}.get(name)
            st.session_state[f"alerts_{name}"] = value if known is None or value in known else ""
    queues = [""] + [queue["name"] for queue in _queues(connection.address(), roles.scenario)]
    codes = ["", *sorted({*roles.rules, "MODEL_RISK", *([params["reason"]] if params["reason"] else [])})]
    if st.session_state["alerts_queue"] not in queues:
        st.session_state["alerts_queue"] = ""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="alerts_filters"):
        st.segmented_control(
            "Show", list(SHOWN), format_func=SHOWN.__getitem__, key="alerts_show", required=True
        )
        st.selectbox(
            "Queue", queues, format_func=lambda name: words.code_words(name).capitalize() or "Any",
            key="alerts_queue", width=124,
        )  # fmt: skip
        st.selectbox(
            "Severity", ["", *words.SEVERITIES], key="alerts_severity", width=104,
            format_func=lambda name: words.SEVERITIES.get(name, "Any"),
        )  # fmt: skip
        st.selectbox(
            "Reason", codes, key="alerts_reason", width=156,
            format_func=lambda code: words.reason_title(code) if code else "Any",
        )  # fmt: skip
        st.text_input(roles.entity_word, key="alerts_entity", placeholder="Any", width=118)
    given = {name: str(st.session_state.get(f"alerts_{name}") or "").strip() for name in _FILTERS}
    st.session_state["alerts_given"] = st.session_state["alerts_kept"] = given
    st.query_params.from_dict({name: value for name, value in given.items() if value})
    asked: dict[str, Any] = {name: given[name] or None for name in _FILTERS if name != "show"}
    if given["show"] == "mine":
        return {**asked, "claimed_by": connection.user()}
    return {**asked, "state": given["show"] or "open,escalated,claimed"}


def _ask_queues(url: str, scenario: str) -> list[dict[str, Any]]:
    return connection.client().queues()


_queues = st.cache_data(ttl=60, max_entries=16, show_spinner=False)(_ask_queues)


def _list(asked: Mapping[str, Any], roles: Roles) -> None:
    with connection.explained():
        client, now = connection.client(), datetime.now(UTC)
        found = client.alerts(**asked, limit=_PAGE)
        st.html(alert_words.queue_tiles(client.queues()))
        st.session_state[alert.SHOWN_IDS] = [one["id"] for one in found["items"]]
        st.html(alert_words.table(found["items"], roles, now, connection.user()))
        if found["next"]:
            st.caption(f"The {_PAGE} most valuable are shown; narrow the list to see others.")


def _many(asked: Mapping[str, Any], roles: Roles) -> None:
    """The same as a table to choose from, and what to do with the chosen."""
    items = connection.client().alerts(**asked, limit=200)["items"]
    if not items:
        st.html('<div class="rl-empty">Nothing fits these filters.</div>')
        return
    picked = st.dataframe(
        pd.DataFrame(alert_words.bulk_rows(items, datetime.now(UTC))),
        hide_index=True, on_select="rerun", selection_mode="multi-row", key="alerts_table", height=420,
    )  # fmt: skip
    rows: Sequence[int] = picked["selection"]["rows"]
    ids = [int(items[row]["id"]) for row in rows if row < len(items)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        act = str(st.selectbox("Do", list(ACTS), format_func=ACTS.__getitem__, key="bulk_act", width=150))
        said: dict[str, Any] = {}
        if act == "resolve":
            said["disposition"] = st.selectbox(
                "As", list(alert_words.DISPOSITIONS), format_func=alert_words.DISPOSITIONS.__getitem__,
                key="bulk_disposition", width=200,
            )  # fmt: skip
        if act == "snooze":
            said["for"] = st.selectbox("For", list(alert.SNOOZES), key="bulk_for", width=110)
        if act in ("resolve", "snooze", "escalate", "reopen"):
            said["reason"] = st.text_input("Why", key="bulk_why", placeholder="It stays in the history")
        word = f"{ACTS[act]} {len(ids)} alert{'' if len(ids) == 1 else 's'}"
        sent = st.button(word, type="primary", disabled=not ids)
    if sent:
        _act_on_many(ids, act, said)
    _told()


def _act_on_many(ids: Sequence[int], act: str, said: Mapping[str, Any]) -> None:
    try:
        results = connection.client().act_on_alerts(act, ids, connection.user(), said)
    except InputInvalid as error:
        st.html(markup.faults(error.faults))
        return
    except RiskloomError as error:
        st.warning(error.message)
        return
    refused = [one for one in results if "error" in one]
    done = f"{len(results) - len(refused)} done."
    told = [f"Alert {one['id']}: {one['error'].get('detail', 'refused')}" for one in refused[:5]]
    st.session_state["alerts_told"] = " ".join([done, *told])
    st.rerun()


def _told() -> None:
    told = st.session_state.pop("alerts_told", "")
    if told:
        st.info(told)
