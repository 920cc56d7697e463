"""One entity: what is usual of it, where it stands now, whom it is linked with, its events; and rings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from riskloom.dashboard import connection, entity_words, link_picture, markup, words
from riskloom.dashboard.roles import Roles
from riskloom.errors import NotFound

_KEPT, _CURSORS, _OF = "entity_address", "entity_cursors", "entity_cursors_of"
_PAGE, _NODES, _HOPS = 25, 300, ("1", "2", "3")


def render() -> None:
    """Draw the entity, or the ring, that the address names; without one the rings there are."""
    roles = connection.roles()
    asked = dict(st.query_params) or st.session_state.get(_KEPT, {})
    name, key, ring = (str(asked.get(part, "")) for part in ("entity", "key", "ring"))
    name = roles.entities.get(name, name)
    if not (name and key) and not ring.isdecimal():
        st.session_state.pop(_KEPT, None)
        st.title("Entity")
        _search(name, key, roles)
        _rings(roles)
        return
    st.session_state[_KEPT] = asked
    st.query_params.from_dict(asked)
    st.html(f'<nav class="rl-ways">{"".join(_ways(name, key, roles))}</nav>')
    if key:
        _entity(name, key, str(asked.get("hops", "2")), roles)
    else:
        _ring(int(ring), roles)


def _ways(name: str, key: str, roles: Roles) -> list[str]:
    """Back, and to what people do about the main entity."""
    ways = [markup.link("entity", "← Search and rings", search="1")]
    if key and name == roles.entities.get(roles.entity):
        ways += [
            markup.link("alerts", "Its alerts", entity=key),
            markup.link("cases", "Its cases", entity=key),
            markup.link("queue", "Its decisions", entity=key, show="all"),
        ]
    return ways


def _search(name: str, key: str, roles: Roles) -> None:
    """Ask for an entity by its kind and key."""
    names = list(dict.fromkeys(roles.entities.values()))
    if not names:
        st.html('<div class="rl-empty">The scenario names no entity.</div>')
        return
    with (
        st.form("entity_search", border=False),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        chosen = st.selectbox(
            "What", names, index=names.index(name) if name in names else 0, format_func=words.field_label,
            key="entity_name", width=180,
        )  # fmt: skip
        typed = st.text_input("Key", value=key, key="entity_key", placeholder="Its id or address", width=320)
        sent = st.form_submit_button("Look", type="primary", icon=":material/search:")
    if sent and typed.strip():
        st.query_params.from_dict({"entity": chosen, "key": typed.strip()})
        st.rerun()


def _entity(name: str, key: str, hops: str, roles: Roles) -> None:
    try:
        found = connection.client().entity(name, key)
    except NotFound as error:
        hint = f"<br>{markup.text(error.hint[:1].upper() + error.hint[1:])}" if error.hint else ""
        st.html(f'<div class="rl-empty">{markup.text(error.message)}{hint}</div>')
        _search(name, key, roles)
        return
    st.html(entity_words.headline(found, roles, datetime.now(UTC)))
    st.html(markup.figures(entity_words.tiles(found, roles)))
    _graph(found, hops, roles)
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.subheader("What is usual")
        st.html(entity_words.usual(found, roles))
        st.html(entity_words.rhythm(found["usual"], roles))
        st.subheader("Lists")
        st.html(entity_words.lists(found["lists"], roles))
        st.subheader("Labels")
        st.html(entity_words.labels(found["labels"], roles))
    with right:
        st.subheader("As the next event would see it")
        st.html(entity_words.windows(found, roles))
    _history(found, roles)


def _graph(found: Mapping[str, Any], hops: str, roles: Roles) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Linked with", width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            ring = found["component"]
            if ring and ring["people"] > 1 and ring["shared"]:
                st.html(markup.link("entity", f"Ring {ring['id']}", ring=str(ring["id"])), width="content")
            chosen = st.segmented_control(
                "How far", _HOPS, default=hops if hops in _HOPS else "2", label_visibility="collapsed",
                format_func=lambda one: words.count(int(one), "hop"),
                key=f"entity_hops_{found['entity']}_{found['key']}", required=True,
            )  # fmt: skip
    far = int(chosen or "2")
    if st.query_params.get("hops", "2") != str(far):
        st.query_params["hops"] = str(far)
        st.session_state[_KEPT] = dict(st.query_params)
    try:
        graph = connection.client().entity_graph(found["entity"], found["key"], hops=far, limit=_NODES)
    except NotFound:
        st.html('<div class="rl-empty">The link graph had no room for it.</div>')
        return
    st.html(link_picture.draw(graph, roles))
    if len(graph["nodes"]) > 1:
        with st.expander(f"All {len(graph['nodes']) - 1} as a table"):
            st.html(entity_words.nodes(graph["nodes"], roles, graph["center"]))


def _history(found: Mapping[str, Any], roles: Roles) -> None:
    cursors = _cursors(f"{found['field']}:{found['key']}")
    page = connection.client().entity_history(
        found["entity"], found["key"], limit=_PAGE, cursor=cursors[-1] if cursors else None
    )
    st.subheader(f"Its {roles.event_word}s")
    st.html(entity_words.history(page["items"], roles, found["field"]))
    _turn(cursors, page["next"])


def _rings(roles: Roles) -> None:
    cursors = _cursors("rings")
    page = connection.client().components(limit=_PAGE, cursor=cursors[-1] if cursors else None)
    st.subheader("Rings")
    st.html(
        '<p class="rl-note">Who hangs together by something shared that is no hub; '
        "those with the most known frauds first.</p>"
    )
    st.html(entity_words.rings(page["items"], roles))
    _turn(cursors, page["next"])


def _ring(number: int, roles: Roles) -> None:
    try:
        ring = connection.client().component(number)
    except NotFound as error:
        st.html(f'<div class="rl-empty">{markup.text(error.message)}</div>')
        return
    st.title(f"Ring {ring['id']}")
    st.html(
        markup.figures(
            [
                (f"{roles.entity_word}s", words.number(ring["people"]), f"of {ring['size']} in all"),
                ("Shared", words.number(ring["shared"]), "by two or more"),
                ("Known frauds", words.number(ring["frauds"]), "by labels"),
            ]
        )
    )
    st.html(entity_words.nodes(ring["members"], roles))
    if ring["is_cut"]:
        st.caption(f"{len(ring['members'])} of {ring['size']} are shown.")


def _cursors(of: str) -> list[str]:
    """The cursors of the pages before the one shown; begun anew where something else is looked at."""
    if st.session_state.get(_OF) != of:
        st.session_state[_OF], st.session_state[_CURSORS] = of, []
    kept: list[str] = st.session_state[_CURSORS]
    return kept


def _turn(cursors: list[str], behind: str | None) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if cursors:
            st.button("Back", icon=":material/arrow_back:", key="entity_newer", on_click=cursors.pop)
        if behind:
            st.button(
                "More", icon=":material/arrow_forward:", key="entity_older", on_click=cursors.append,
                args=(behind,),
            )  # fmt: skip
        if cursors:
            st.caption(f"Part {len(cursors) + 1}")
