"""The dashboard: navigation, the server's state in the sidebar, then the chosen page.

Run by Streamlit; see `riskloom.dashboard.launch` for the command.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import streamlit as st

from riskloom.client import Client
from riskloom.dashboard import connection, links, markup, words
from riskloom.dashboard.views import (
    alerts,
    analytics,
    cases,
    decision,
    entity,
    models,
    overview,
    queue,
    rules,
    scenario,
    score,
)
from riskloom.errors import RiskloomError

HERE = Path(str(files("riskloom.dashboard")))
AWAY = "server_away"
PAGES = {
    "overview": st.Page(
        overview.render, title="Overview", icon=":material/monitoring:", url_path="overview", default=True
    ),
    "alerts": st.Page(
        alerts.render, title="Alerts", icon=":material/notifications_active:", url_path="alerts"
    ),
    "cases": st.Page(cases.render, title="Cases", icon=":material/folder_open:", url_path="cases"),
    "queue": st.Page(queue.render, title="Review queue", icon=":material/inbox:", url_path="queue"),
    "decision": st.Page(decision.render, title="Decision", icon=":material/policy:", url_path="decision"),
    "entity": st.Page(entity.render, title="Entity", icon=":material/hub:", url_path="entity"),
    "score": st.Page(score.render, title="Score", icon=":material/speed:", url_path="score"),
    "rules": st.Page(rules.render, title="Rules & replay", icon=":material/rule:", url_path="rules"),
    "models": st.Page(models.render, title="Models", icon=":material/model_training:", url_path="models"),
    "analytics": st.Page(
        analytics.render, title="Analytics", icon=":material/bar_chart:", url_path="analytics"
    ),
    "scenario": st.Page(
        scenario.render, title="Scenario and model", icon=":material/tune:", url_path="scenario"
    ),
}


SECTIONS = {
    "Work": ("overview", "alerts", "cases", "queue", "decision", "entity"),
    "Change": ("score", "rules", "models"),
    "Look back": ("analytics", "scenario"),
}


def main() -> None:
    """Draw one page."""
    st.set_page_config(
        page_title="Riskloom", page_icon=str(HERE / "mark.svg"), layout="wide", initial_sidebar_state=232
    )
    st.html(HERE / "style.css")
    st.logo(str(HERE / "wordmark.svg"), icon_image=str(HERE / "mark.svg"), size="large")
    page = st.navigation({section: [PAGES[name] for name in names] for section, names in SECTIONS.items()})
    links.follow(PAGES)
    with st.sidebar:
        st.fragment(run_every="5s")(_server_state)()
        _scenario_choice()
        _you()
        _server_address()
    with connection.explained():
        page.run()


def _server_state() -> None:
    """Say whether the server is there; when it comes back, draw the whole page again."""
    found = connection.health()
    was_away = st.session_state.get(AWAY, False)
    st.session_state[AWAY] = isinstance(found, RiskloomError)
    if was_away and not st.session_state[AWAY]:
        st.rerun()
    if isinstance(found, RiskloomError):
        st.html(
            '<div class="rl-server rl-away"><i></i><b>Away</b>'
            f"<span>{markup.text(connection.address())}</span></div>"
        )
        return
    model = found["model"]
    trained = (
        f"{words.code_words(model.get('kind') or model.get('model_type') or 'model')}, "
        f"{words.number(model.get('trained_rows'))} rows"
        if model
        else "no model yet, rules alone"
    )
    state = ("rl-up", "Connected") if found["ready"] else ("rl-starting", "Starting")
    st.html(
        f'<div class="rl-server {state[0]}"><i></i><b>{state[1]}</b>'
        f"<span>{markup.text(words.code_words(found['scenario']))}</span><span>{markup.text(trained)}</span></div>"
    )


def _scenario_choice() -> None:
    """Which of the server's scenarios the pages are about, where it serves several."""
    found = connection.health()
    names = (
        [] if isinstance(found, RiskloomError) else [one["scenario"] for one in found.get("scenarios", ())]
    )
    if len(names) < 2:
        return
    chosen = connection.chosen_scenario()
    picked = st.selectbox(
        "Scenario", names, index=names.index(chosen) if chosen in names else 0,
        format_func=words.code_words, key="scenario_choice", persist_state="session",
    )  # fmt: skip
    if picked != (chosen or names[0]):
        kept = (connection.ADDRESS, connection.USER, "scenario_choice", "you")
        for name in [key for key in st.session_state if key not in kept]:
            del st.session_state[name]
        st.session_state[connection.SCENARIO] = picked
        st.query_params.clear()
        st.rerun()


def _you() -> None:
    """Who works here; it is written beside what they do."""
    st.session_state[connection.USER] = st.text_input(
        "Your name", key="you", placeholder="Written beside what you do", persist_state="session"
    )


def _server_address() -> None:
    with (
        st.popover("Server address", icon=":material/lan:", width="stretch"),
        st.form("server", border=False),
    ):
        typed = st.text_input("Riskloom API", value=connection.address(), placeholder="http://127.0.0.1:8000")
        if st.form_submit_button("Use this server", type="primary"):
            try:
                st.session_state[connection.ADDRESS] = Client(typed).base_url
            except RiskloomError as error:
                st.error(error.message)
            else:
                st.rerun()


main()
