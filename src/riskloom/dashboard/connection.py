"""Which server the pages read: its address, its key, and what to show when it is away."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from riskloom.client import DEFAULT_URL, Client, Health, ServerUnreachable
from riskloom.dashboard import markup
from riskloom.dashboard.charts import DARK, LIGHT, Palette
from riskloom.dashboard.roles import Roles, roles_of
from riskloom.errors import Forbidden, RiskloomError, Unauthorized

ADDRESS = "riskloom_api_url"
SCENARIO = "riskloom_scenario"
USER = "riskloom_user"
_ARGUMENT = "--api-url="


def address() -> str:
    """The server's address: typed on the page, else given at the start, else from `RISKLOOM_API_URL`."""
    given = next((text.removeprefix(_ARGUMENT) for text in sys.argv if text.startswith(_ARGUMENT)), "")
    default = given or os.environ.get("RISKLOOM_API_URL", "") or DEFAULT_URL
    return str(st.session_state.get(ADDRESS) or default)


def client() -> Client:
    """The client of the server at `address`, shared by all sessions.

    Raises
    ------
    ParameterInvalid
        When the address is not one.
    """
    shared: Client = _client(address(), os.environ.get("RISKLOOM_API_KEY") or None, chosen_scenario())
    return shared


def chosen_scenario() -> str | None:
    """The scenario that the reader has chosen, None for the server's first one."""
    chosen: str | None = st.session_state.get(SCENARIO)
    return chosen


def user() -> str:
    """Who works here, as they say themselves; written beside what they do."""
    typed = str(st.session_state.get(USER) or "")
    return "".join(letter for letter in typed if letter.isprintable()).strip()[:64] or "dashboard"


def _connect(url: str, key: str | None, scenario: str | None) -> Client:
    return Client(url, key, timeout=8.0, scenario=scenario)


def _ask_scenario(url: str, name: str | None) -> dict[str, Any]:
    return client().scenario()


_client = st.cache_resource(max_entries=64, show_spinner=False, on_release=Client.close)(_connect)
_scenario = st.cache_data(ttl=30, max_entries=16, show_spinner=False)(_ask_scenario)


def scenario() -> dict[str, Any]:
    """The scenario of the server, at most half a minute old."""
    found: dict[str, Any] = _scenario(address(), chosen_scenario())
    return found


def roles() -> Roles:
    """The roles of the server's scenario."""
    return roles_of(scenario())


def health() -> Health | RiskloomError:
    """What the server says about itself, or why it does not."""
    try:
        return client().health()
    except RiskloomError as error:
        return error


def palette() -> Palette:
    """The colours of the theme the reader has chosen."""
    return DARK if st.context.theme.type == "dark" else LIGHT


@contextmanager
def explained() -> Iterator[None]:
    """Show an error of the server in words instead of a page, and end the run there."""
    try:
        yield
    except RiskloomError as error:
        show_error(error)
        st.stop()


def show_error(error: RiskloomError) -> None:
    """What went wrong and what to do about it."""
    if isinstance(error, ServerUnreachable):
        title = "The server is away"
        advice = "This page comes back by itself when the server does. Its address is set in the sidebar."
    elif isinstance(error, Unauthorized | Forbidden):
        title = "The server asks for a key"
        advice = "Start the dashboard with RISKLOOM_API_KEY set to the server's key."
    else:
        title, advice = error.title, ""
    hint = f"<p>{markup.text(error.hint[:1].upper() + error.hint[1:])}</p>" if error.hint else ""
    st.html(
        f'<div class="rl-error" role="alert"><h3>{markup.text(title)}</h3>'
        f"<p>{markup.text(error.message)}</p>{hint}<p>{markup.text(advice)}</p></div>"
    )
