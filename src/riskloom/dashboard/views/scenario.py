"""What decides: the policy, the model and its runs, the rules, the features, the event's fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from riskloom.client import Models
from riskloom.dashboard import connection, markup, words
from riskloom.dashboard.roles import Roles


def render() -> None:
    """Draw the page."""
    scenario, models = connection.scenario(), connection.client().models()
    roles = connection.roles()
    st.title("Scenario and model")
    describe = str(scenario.get("describe") or "")
    st.html(
        f'<p class="rl-lead"><b>{markup.text(words.code_words(roles.scenario))}</b> '
        f"{markup.text(describe)}</p>"
    )
    st.html(markup.figures(figures(roles, models)))
    rules, features, fields, runs = st.tabs(["Rules", "Features", "Event fields", "Training runs"])
    rules.html(rule_table(roles))
    features.html(feature_table(roles))
    fields.html(field_table(scenario))
    runs.html(run_table(models, roles))


def figures(roles: Roles, models: Models) -> list[tuple[str, str, str]]:
    """The key figures of what decides."""
    current = models["current"] or {}
    kind = current.get("model_type") or current.get("kind")
    rows = current.get("trained_rows")
    percentile = roles.policy.get("percentile")
    reject = roles.policy.get("reject_percentile")
    return [
        (
            "Model",
            words.code_words(kind).capitalize() if kind else "None yet",
            f"learned from {words.number(rows)} {roles.event_word}s" if rows else "rules decide alone",
        ),
        (
            "The model flags from",
            f"{words.number(percentile)} %" if percentile else words.MISSING,
            "of the training reference",
        ),
        (
            "It rejects from",
            f"{words.number(reject)} %" if reject else "Never",
            "rules may reject" if not reject else "",
        ),
        ("Rules", words.number(len(roles.rules)), "each with its own examples"),
        (
            "Features",
            words.number(len(roles.features)),
            f"money in {roles.base_currency}" if roles.base_currency else "",
        ),
    ]


def rule_table(roles: Roles) -> str:
    """Rules, the gravest first."""
    rows = [
        [
            markup.two_lines(
                f"<b>{markup.text(words.reason_title(rule['code']))}</b>", markup.text(rule["code"])
            ),
            markup.severity(rule["severity"]),
            markup.text(words.ACTIONS.get(rule["action"], rule["action"])),
            f"<code>{markup.text(rule['when'])}</code>",
            markup.text(rule["message"]),
        ]
        for rule in markup.by_severity(roles.rules.values())
    ]
    return markup.table(["Rule", "Severity", "Does", "When", "Says"], rows, empty="No rules are declared.")


def feature_table(roles: Roles) -> str:
    """Features in the vector's order."""
    rows = [
        [
            markup.two_lines(
                markup.text(feature.get("describe") or words.field_label(name)), markup.text(name)
            ),
            markup.text(_how(feature)),
            markup.text(words.span_words(str(feature.get("window") or "")) or words.MISSING),
        ]
        for name, feature in roles.features.items()
    ]
    return markup.table(["Feature", "How", "Window"], rows, empty="No features are declared.")


def _how(feature: Mapping[str, Any]) -> str:
    if feature.get("expression"):
        return str(feature["expression"])
    of = feature.get("of") or []
    names = ", ".join(of) if isinstance(of, list) else str(of)
    return f"{words.code_words(feature.get('aggregate') or '')}{f' of {names}' if names else ''}"


def field_table(scenario: Mapping[str, Any]) -> str:
    """The event's fields."""
    rows = [
        [
            markup.two_lines(
                f"<b>{markup.text(words.field_label(field['name']))}</b>", markup.text(field["name"])
            ),
            markup.text(field["type"]),
            markup.text(field.get("entity") or words.MISSING),
            "personal" if field.get("pii") else words.MISSING,
            "required" if field.get("required", True) else "optional",
        ]
        for field in scenario.get("fields") or ()
    ]
    return markup.table(
        ["Field", "Type", "Entity", "Privacy", "Needed"], rows, empty="No fields are declared."
    )


def run_table(models: Models, roles: Roles) -> str:
    """Training runs, newest first."""
    rows = [
        [
            markup.text(words.moment(run["created_at"], roles.timezone)),
            markup.text(words.code_words(run["model_type"])),
            words.number(run["trained_rows"]),
            f"{words.number(run['percentile'])} %",
            f"{run['threshold']:.4f}",
            f'<code title="{markup.text(run["bundle"])}">{markup.text(run["bundle"][:12])}</code>',
        ]
        for run in models["runs"]
    ]
    columns = ["Trained", "Model", "Rows", "Flags from", "Threshold", "Bundle"]
    return markup.table(columns, rows, empty="Nothing was trained here yet.")
