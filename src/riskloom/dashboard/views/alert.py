"""One alert: its evidence beside what is usual, and what a person does with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from riskloom.dashboard import alert_story, alert_words, connection, deviation, links, markup
from riskloom.dashboard.roles import Roles
from riskloom.dashboard.views.decision import where_and_when
from riskloom.errors import Conflict, Forbidden, Held, InputInvalid, MoveInvalid, NotFound

SHOWN_IDS = "alerts_shown"
"""Where the session keeps the ids that the list shows, in its order."""
SNOOZES = ("1h", "4h", "1d", "3d")
_MISSED, _SEEN = "alerts_missed", "alert_seen"
_CHOICE, _WHY, _GOES_ON = "alert_disposition", "alert_why", "alert_goes_on"
_REFUSED = (Held, Conflict, Forbidden, MoveInvalid, NotFound)
_OUTSIDE = 8


def render(alert_id: int, roles: Roles) -> None:
    """Draw it."""
    try:
        found = connection.client().alert(alert_id)
    except NotFound as error:
        st.title("Alerts")
        st.html(
            f'<div class="rl-empty">{markup.text(error.message)}</div>{markup.link("alerts", "← Alerts")}'
        )
        return
    if st.session_state.get(_SEEN) != alert_id:
        st.session_state[_SEEN] = alert_id
        st.session_state.pop(_CHOICE, None)
    _ways(found)
    tell_missed()
    st.html(alert_words.headline(found, roles, datetime.now(UTC)))
    _acts(found)
    if not found["decisions"]:
        return
    telling = alert_story.telling(found["decisions"])
    detail = connection.client().decision(telling["event_id"])
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.subheader("Why, and what stands behind it")
        st.html(alert_story.cards(found, roles))
    with right:
        where_and_when(detail, roles)
        outside = [one for one in deviation.deviations(detail["features"]) if one.beyond]
        outside = [one for one in outside if one.beyond == one.beyond][:_OUTSIDE]
        if outside:
            st.subheader("Against what is usual")
            st.html(deviation.strips(outside, roles))
    st.subheader(f"The {roles.event_word}s of this alert")
    st.html(markup.decisions(found["decisions"], roles))


def _ways(found: Mapping[str, Any]) -> None:
    """Back to the queue, to its entity, on through the queue, and to the next one that nobody has."""
    kept: list[int] = st.session_state.get(SHOWN_IDS, [])
    alert_id, who = int(found["id"]), found["entity_key"]
    ways = [markup.link("alerts", "← Alerts")]
    if who:
        ways.append(markup.entity(found["entity"], who, label=f"All about {markup.text(who)}"))
    if alert_id in kept:
        at = kept.index(alert_id)
        ways.append(f'<span class="rl-muted">{at + 1} of {len(kept)} shown there</span>')
        if at + 1 < len(kept):
            ways.append(markup.link("alerts", "The one below →", alert=str(kept[at + 1])))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.html(f'<nav class="rl-ways">{"".join(ways)}</nav>', width="content")
        st.button("Next", icon=":material/arrow_forward:", shortcut="N", on_click=take_next, key="alert_next")


def take_next() -> None:
    """Claim the most valuable alert that nobody has, and look at it."""
    queue = st.session_state.get("alerts_queue") or ""
    try:
        found = connection.client().next_alert(connection.user(), [queue] if queue else None)
    except (*_REFUSED, InputInvalid) as error:
        st.session_state[_MISSED] = error.message
        return
    if found is None:
        st.session_state[_MISSED] = "Nothing waits that you may work on."
        st.query_params.clear()
        return
    st.session_state.pop(_CHOICE, None)
    st.query_params.from_dict({"alert": str(found["id"])})


def tell_missed() -> None:
    """Say why what was asked for did not happen, once."""
    told = st.session_state.pop(_MISSED, "")
    if told:
        st.info(told, icon=":material/info:")


def _do(alert_id: int, act: str, said: Mapping[str, Any] | None = None) -> bool:
    """Do something with an alert; what was refused is told on the page."""
    try:
        connection.client().act_on_alert(act, alert_id, connection.user(), said)
    except InputInvalid as error:
        st.session_state[_MISSED] = error.message
        return False
    except _REFUSED as error:
        st.session_state[_MISSED] = f"{error.message} {error.hint}".strip()
        return False
    return True


def _acts(found: Mapping[str, Any]) -> None:
    """What can be done with it from where it stands."""
    number, mine = int(found["id"]), found["claimed_by"] == connection.user()
    if found["state"] in alert_words.CLOSED:
        _closed(found)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if mine:
            st.fragment(run_every="5s")(_lease)(str(found["lease_until"]))
            st.button("Keep it longer", key="alert_renew", on_click=_do, args=(number, "renew"), shortcut="K")
            st.button(
                "Give it back", key="alert_release", on_click=_do, args=(number, "release"), shortcut="B"
            )
        else:
            word = "Take it" if not found["claimed_by"] else "Try to take it"
            st.button(
                word, type="primary", key="alert_claim", on_click=_do, args=(number, "claim"), shortcut="T"
            )
        for at, span in enumerate(SNOOZES[:3]):
            st.button(
                f"Snooze {span}", key=f"snooze_{span}", on_click=_do, args=(number, "snooze", {"for": span}),
                shortcut="S" if not at else None,
            )  # fmt: skip
        _case(found)
        st.button("Escalate", key="alert_escalate", on_click=_do, args=(number, "escalate"), shortcut="E")
    _resolve(number)


def _case(found: Mapping[str, Any]) -> None:
    """The case that it is in, or one opened for it."""
    word = "Its case" if found["case_id"] else "Open a case"
    if not st.button(word, key="alert_case", shortcut="O", icon=":material/folder_open:"):
        return
    try:
        number = found["case_id"] or connection.client().open_case(found["id"], connection.user())["case_id"]
    except (*_REFUSED, InputInvalid) as error:
        st.warning(error.message)
        return
    links.go("cases", case=str(number))


def _lease(until: str) -> None:
    left = alert_words.left(until, datetime.now(UTC))
    st.html(f'<span class="rl-lease">Yours for {markup.text(left)}</span>', width="content")


def _resolve(number: int) -> None:
    """What it turned out to be, and why; the keys 1 to 5 choose."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="alert_resolve"):
        for at, (name, word) in enumerate(alert_words.DISPOSITIONS.items(), 1):
            st.button(
                word, key=f"as_{name}", shortcut=str(at), on_click=_choose, args=(name,),
                type="primary" if st.session_state.get(_CHOICE) == name else "secondary",
            )  # fmt: skip
    with st.form("resolve", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = alert_words.DISPOSITIONS.get(st.session_state.get(_CHOICE, ""), "")
        st.text_input(
            "Why", key=f"{_WHY}_{number}", label_visibility="collapsed",
            placeholder=f"{chosen}: why?" if chosen else "Choose what it turned out to be, then say why",
        )  # fmt: skip
        st.checkbox("then the next one", value=True, key=_GOES_ON, persist_state="session", width="content")
        st.form_submit_button(
            "Resolve",
            type="primary",
            disabled=not chosen,
            shortcut="Ctrl+Enter",
            on_click=_close,
            args=(number,),
        )


def _choose(name: str) -> None:
    st.session_state[_CHOICE] = name


def _close(number: int) -> None:
    why = str(st.session_state.get(f"{_WHY}_{number}") or "")
    said = {"disposition": st.session_state.get(_CHOICE), "reason": why.strip()}
    if not said["reason"]:
        st.session_state[_MISSED] = "Say why: it stays with the alert."
        return
    if not _do(number, "resolve", said):
        return
    st.session_state.pop(_CHOICE, None)
    if st.session_state.get(_GOES_ON):
        take_next()


def _closed(found: Mapping[str, Any]) -> None:
    word = alert_words.DISPOSITIONS.get(found["disposition"] or "", "Closed, as nobody looked at it in time")
    by = f" by {found['closed_by']}" if found["closed_by"] else ""
    why = f": {found['closed_reason']}" if found["closed_reason"] else ""
    st.html(f'<p class="rl-verdict"><b>{markup.text(word)}</b>{markup.text(by + why)}</p>')
    st.button("Open it again", key="alert_reopen", on_click=_do, args=(int(found["id"]), "reopen"))
