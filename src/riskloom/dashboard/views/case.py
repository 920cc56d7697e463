"""One case: what happened in it, what people put into it, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from riskloom.dashboard import alert_words, case_words, connection, link_picture, markup, words
from riskloom.dashboard.roles import Roles
from riskloom.dashboard.views import papers
from riskloom.errors import Forbidden, NotFound, RiskloomError

_TOLD, _MORE = "case_told", "case_more"
_PAGE, _NODES = 60, 60


def render(case_id: int, roles: Roles) -> None:
    """Draw it."""
    client = connection.client()
    try:
        found = client.case(case_id)
    except NotFound as error:
        st.title("Cases")
        st.html(f'<div class="rl-empty">{markup.text(error.message)}</div>{markup.link("cases", "← Cases")}')
        return
    who = markup.text(found["entity_key"])
    ways = [
        markup.link("cases", "← Cases"),
        markup.entity(found["entity"], found["entity_key"], label=f"All about {who}"),
    ]
    if found["alert_list"]:
        newest = str(found["alert_list"][-1]["alert_id"])
        ways.append(markup.link("alerts", "Its newest alert", alert=newest))
    st.html(f'<nav class="rl-ways">{"".join(ways)}</nav>')
    told = st.session_state.pop(_TOLD, "")
    if told:
        st.info(told, icon=":material/info:")
    st.html(case_words.headline(found, roles, datetime.now(UTC)))
    _hand(found)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _end(found)
        _lists(found)
        _linked(found, roles)
        st.subheader("What happened")
        limit = _PAGE * (1 + st.session_state.get(f"{_MORE}_{case_id}", 0))
        page = client.case_timeline(case_id, limit=min(limit, 500))
        st.html(case_words.timeline(page["items"], roles))
        if page["next"]:
            st.button("Show earlier", on_click=_more, args=(case_id,), icon=":material/expand_more:")
    with right:
        papers.render(found, roles)


def _linked(found: Mapping[str, Any], roles: Roles) -> None:
    """Who the entity of the case shares something with; nothing where that is not known or not to be read."""
    try:
        graph = connection.client().entity_graph(found["entity"], found["entity_key"], limit=_NODES)
    except (NotFound, Forbidden):
        return
    st.subheader("Linked with")
    st.html(link_picture.draw(graph, roles, rows=4))


def _more(case_id: int) -> None:
    st.session_state[f"{_MORE}_{case_id}"] = st.session_state.get(f"{_MORE}_{case_id}", 0) + 1


def attempt(act: str, case_id: int, said: Mapping[str, Any]) -> bool:
    """Do something with a case as a whole; what was refused is told on the page."""
    client, me = connection.client(), connection.user()
    try:
        if act == "change":
            client.change_case(case_id, said, me)
        else:
            client.move_case(act, case_id, said, me)
    except RiskloomError as error:
        st.session_state[_TOLD] = f"{error.message} {error.hint}".strip()
        return False
    return True


def _hand(found: Mapping[str, Any]) -> None:
    """Whose it is and how soon it should be looked at."""
    number, version, me = int(found["case_id"]), int(found["version"]), connection.user()
    if found["state"] != "open":
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if found["assignee"] != me:
            said = {"assignee": me, "version": version}
            st.button(
                "Take it", type="primary", shortcut="T", on_click=attempt, args=("change", number, said)
            )
        if found["assignee"]:
            st.button(
                "Give it to nobody",
                on_click=attempt,
                args=("change", number, {"assignee": None, "version": version}),
            )
        for priority, word in reversed(list(words.SEVERITIES.items())):
            if priority != found["priority"]:
                said = {"priority": priority, "version": version}
                st.button(
                    f"{word} priority", type="tertiary", on_click=attempt, args=("change", number, said)
                )


def _end(found: Mapping[str, Any]) -> None:
    """How it ends: closed, confirmed by a second person, opened again."""
    number, version = int(found["case_id"]), int(found["version"])
    if found["state"] == "open":
        _close(number, version)
    elif found["state"] == "pending":
        _confirm(found)
    elif found["state"] == "closed":
        with st.popover("Open it again", icon=":material/undo:"):
            why = st.text_input("Why", key=f"case_again_{number}")
            if st.button("Open again", disabled=not why.strip()):
                attempt("reopen", number, {"reason": why.strip(), "version": version})
                st.rerun()


def _close(number: int, version: int) -> None:
    st.subheader("What was found")
    with st.form(f"case_close_{number}", border=False):
        disposition = st.segmented_control(
            "Disposition", list(alert_words.DISPOSITIONS), key=f"case_disposition_{number}",
            format_func=alert_words.DISPOSITIONS.__getitem__, label_visibility="collapsed",
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom"):
            why = st.text_input(
                "Why",
                key=f"case_why_{number}",
                label_visibility="collapsed",
                placeholder="Why: it stays with the case",
            )
            sent = st.form_submit_button("Close the case", type="primary", shortcut="Ctrl+Enter")
    if not sent:
        return
    if not disposition or not why.strip():
        st.warning("Choose what was found, and say why.")
        return
    attempt("close", number, {"disposition": disposition, "reason": why.strip(), "version": version})
    st.rerun()


def _confirm(found: Mapping[str, Any]) -> None:
    number, version = int(found["case_id"]), int(found["version"])
    st.subheader("To be confirmed")
    own = found["closed_by"] == connection.user()
    st.caption(
        f"{found['closed_by']} closed it; above this amount a second person confirms."
        + (" You closed it yourself." if own else "")
    )
    with st.form(f"case_confirm_{number}", border=False):
        why = st.text_input(
            "Why", key=f"case_confirm_why_{number}", placeholder="Needed where you do not agree"
        )
        with st.container(horizontal=True):
            agree = st.form_submit_button("Confirm", type="primary", disabled=own)
            decline = st.form_submit_button("Open it again")
    if agree:
        attempt("confirm", number, {"version": version, **({"reason": why.strip()} if why.strip() else {})})
    elif decline:
        attempt("decline", number, {"version": version, "reason": why.strip()})
    if agree or decline:
        st.rerun()


def _lists(found: Mapping[str, Any]) -> None:
    """Put the entity on a list of the scenario, where there is one for it."""
    client = connection.client()
    known = [one for one in client.lists() if found["entity"] in one["of"]]
    if not known:
        return
    with st.popover("Put on a list", icon=":material/playlist_add:"), st.form("case_list", border=False):
        name = st.selectbox(
            "List", [one["name"] for one in known], key="case_list_name",
            format_func={one["name"]: f"{one['name']} ({one['kind']})" for one in known}.__getitem__,
        )  # fmt: skip
        why = st.text_input("Why", key="case_list_why")
        if st.form_submit_button("Put it there", type="primary"):
            entry = {"value": found["entity_key"], "reason": why.strip() or f"case {found['case_id']}"}
            try:
                client.add_entries(str(name), [{**entry, "author": connection.user()}])
            except RiskloomError as error:
                st.error(error.message)
                return
            st.session_state[_TOLD] = f"{found['entity_key']} is on the list {name} from the next event on."
            st.rerun()
