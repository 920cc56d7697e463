"""Links between pages that keep the session: a click is told to Python, which switches the page.

Without it (a new tab, a bookmark) the same links load the page anew, and it shows the same thing, because
all that a page needs is in its address.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import streamlit as st

_PAGES = "riskloom_pages"
_SCRIPT = """
export default function (component) {
  const { setTriggerValue } = component
  const old = window.riskloomFollow
  if (old) document.removeEventListener("click", old, true)
  const follow = (event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const path = event.composedPath ? event.composedPath() : [event.target]
    const link = path.find((node) => node.matches && node.matches("a.rl-link"))
    if (!link) return
    event.preventDefault()
    event.stopPropagation()
    setTriggerValue("followed", link.getAttribute("href"))
  }
  window.riskloomFollow = follow
  document.addEventListener("click", follow, true)
}
"""
_follower = st.components.v2.component("riskloom_links", js=_SCRIPT)


def follow(pages: Mapping[str, st.Page]) -> None:
    """Go where a clicked link points; call once in each run, before the page is drawn."""
    st.session_state[_PAGES] = pages
    followed = _follower(key="riskloom_links", height=1, on_followed_change=_nothing).followed
    if not followed:
        return
    name, asked = read_link(str(followed))
    if name in pages:
        st.switch_page(pages[name], query_params=asked)


def go(name: str, **asked: str) -> None:
    """Switch to another page, as a click on a link to it would."""
    pages: Mapping[str, st.Page] = st.session_state.get(_PAGES, {})
    if name in pages:
        st.switch_page(pages[name], query_params=asked)


def read_link(address: str) -> tuple[str, dict[str, str]]:
    """(page, query) of a link as `markup.link` writes it."""
    parts = urlsplit(address)
    return parts.path.rsplit("/", 1)[-1], dict(parse_qsl(parts.query))


def _nothing() -> None:
    return
