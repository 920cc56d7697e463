"""Rules & replay: a rule is edited while it is checked, replayed on history, published and promoted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from riskloom.dashboard import connection, markup, rule_draft, tried, words
from riskloom.dashboard.roles import Roles
from riskloom.dashboard.views import replays
from riskloom.errors import InputInvalid

_LAST, _CHOSEN, CHECKED = "rules_last", "rules_chosen", "rules_checked"
"""`CHECKED` is where the session keeps the rules of a draft without a fault: code, rules."""
_NEW = ""
_SPANS = (500, 2_000, 10_000)


def render() -> None:
    """Draw the page; `?rule=` names the rule to edit."""
    roles = connection.roles()
    rules = {str(rule["code"]): rule for rule in connection.client().rules()}
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title("Rules & replay", width="content")
        with st.container(width=360):
            code = _choose(rules)
    before = rules.get(code, rule_draft.FRESH)
    _begin(code, before)
    st.fragment(_edit)(before, rules, roles)
    replays.render(roles)


def _choose(rules: Mapping[str, Mapping[str, Any]]) -> str:
    codes = [_NEW, *rules]
    asked = st.query_params.get("rule")
    if asked is not None and asked != st.session_state.get("rules_asked"):
        st.session_state["rules_code"] = asked if asked in rules else _NEW
    if st.session_state.get("rules_code") not in codes:
        st.session_state["rules_code"] = st.session_state.get(_CHOSEN) or next(iter(rules), _NEW)
    chosen = st.selectbox(
        "Rule", codes, key="rules_code", label_visibility="collapsed",
        format_func=lambda name: f"{words.reason_title(name)} ({name})" if name else "A new rule",
    )  # fmt: skip
    st.query_params["rule"] = st.session_state["rules_asked"] = str(chosen or _NEW)
    return str(chosen or _NEW)


def _begin(code: str, before: Mapping[str, Any]) -> None:
    """Put the chosen rule into the form, once; what was typed stays when the page is left and found again."""
    kept: dict[str, str] = st.session_state.get("rules_draft", {})
    if st.session_state.get(_CHOSEN) != code:
        st.session_state[_CHOSEN] = code
        kept = rule_draft.form_of(before)
    elif "rule_when" in st.session_state:
        return
    for name, value in kept.items():
        st.session_state[f"rule_{name}"] = value


def _edit(before: Mapping[str, Any], rules: Mapping[str, Any], roles: Roles) -> None:
    form = _sentence()
    left, right = st.columns([1, 1], gap="large")
    with left:
        form |= _form(before)
    st.session_state["rules_draft"] = form
    rule, wrong = rule_draft.rule_of(form, before)
    with right, connection.explained():
        _check(rule, wrong, before, form, roles)


def _ask_check(url: str, scenario: str | None, rule: str, last: int) -> dict[str, Any]:
    return connection.client().check_rule(json.loads(rule), last)


_checked = st.cache_data(ttl=15, max_entries=64, show_spinner=False)(_ask_check)


def _sentence() -> dict[str, str]:
    """Its condition and its sentence, over the whole width; each is told to the check while it is typed."""
    return {
        "when": st.text_input(
            "When", key="rule_when", live="400ms", help="A condition over fields and features"
        ),
        "message": st.text_input(
            "Says",
            key="rule_message",
            live="600ms",
            help="{name} is replaced by a value; {value} and {usual} too",
        ),
    }


def _form(before: Mapping[str, Any]) -> dict[str, str]:
    """The other fields of a rule."""
    form = {}
    columns = st.columns(3, gap="small")
    with columns[0]:
        form["code"] = (
            str(before["code"])
            if before.get("code")
            else st.text_input("Code", key="rule_code", live="600ms", placeholder="NEW_RULE")
        )
        if before.get("code"):
            st.text_input("Code", value=form["code"], disabled=True, key=f"fixed_{form['code']}")
    with columns[1]:
        form["severity"] = st.selectbox(
            "Severity", rule_draft.SEVERITIES, key="rule_severity", format_func=words.SEVERITIES.__getitem__
        )
    with columns[2]:
        form["action"] = st.selectbox(
            "Does", list(rule_draft.ACTIONS), key="rule_action", format_func=rule_draft.ACTIONS.__getitem__
        )
    columns = st.columns(3, gap="small")
    for column, (name, label, helped) in zip(
        columns,
        (
            ("value", "Value", "Shown beside what is usual"),
            ("usual", "Usual", "What is usual, in the same measure"),
            ("evidence", "Evidence", "The window feature whose events stand behind it"),
        ),
        strict=True,
    ):
        with column:
            form[name] = st.text_input(label, key=f"rule_{name}", live="600ms", help=helped)
    form["examples"] = st.text_area(
        "Examples", key="rule_examples", height=110,
        help="One a line: “- hit: {amount: 900}” or “- miss: {amount: 3}”; what is left out is missing",
    )  # fmt: skip
    form["owner"] = st.text_input("Owner", key="rule_owner", placeholder="Who answers for it")
    return form


def _check(
    rule: Mapping[str, Any], wrong: str, before: Mapping[str, Any], form: Mapping[str, str], roles: Roles
) -> None:
    st.session_state.pop(CHECKED, None)
    if wrong:
        st.html(f'<ul class="rl-faults" role="alert"><li>{markup.text(wrong)}</li></ul>')
        return
    if not rule.get("when"):
        st.html(
            '<div class="rl-empty">Write a condition: what is wrong with it, or what it would have hit, '
            "appears here while you type.</div>"
        )
        return
    last = st.session_state.setdefault(_LAST, _SPANS[1])
    try:
        found = _checked(connection.address(), connection.chosen_scenario(), json.dumps(rule), last)
    except InputInvalid as error:
        st.html(markup.faults(error.faults))
        return
    if found["faults"]:
        st.subheader("Not yet a rule")
        st.html(tried.faults(found["faults"], form))
    else:
        st.session_state[CHECKED] = {"code": rule["code"], "rules": found["rules"]}
    if found["tried"] is None:
        return
    st.html(tried.figures(found["tried"], roles))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(tried.span(found["tried"], roles))
        st.segmented_control(
            "Newest", _SPANS, key=_LAST, format_func=lambda count: f"{count:,}",
            label_visibility="collapsed", required=True,
        )  # fmt: skip
    st.html(tried.examples(found["tried"], roles))
