"""Models: every version, how it does on what turned out, what a trial says beside, and its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from riskloom.client import Models
from riskloom.dashboard import connection, markup, quality_charts, stages, words
from riskloom.dashboard.roles import Roles
from riskloom.dashboard.views.scenario import run_table
from riskloom.errors import NotFound, RiskloomError

_HISTORY = 12


def render() -> None:
    """Draw the page; `?version=` names the one looked at, else the champion is."""
    roles, client = connection.roles(), connection.client()
    models = client.models()
    try:
        versions = client.versions()
    except NotFound:
        versions = []
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title("Models", width="content")
        if versions:
            _roll_back()
    if models.get("problem"):
        st.warning(str(models["problem"]))
    if not versions:
        _without_registry(models, roles)
        return
    chosen = _chosen(versions)
    st.html(version_table(versions, chosen, roles))
    _one(versions[[one["version"] for one in versions].index(chosen)], roles)


def _chosen(versions: Sequence[Mapping[str, Any]]) -> int:
    numbers = [int(one["version"]) for one in versions]
    asked = st.query_params.get("version", "")
    if asked.isdecimal() and int(asked) in numbers:
        return int(asked)
    champion = next((one["version"] for one in versions if one["stage"] == "champion"), numbers[-1])
    return int(champion)


def version_table(versions: Sequence[Mapping[str, Any]], chosen: int, roles: Roles) -> str:
    """Every version, the newest first; the chosen one is marked."""
    newest = list(reversed(versions))
    now = datetime.now(UTC)
    rows = [
        [
            markup.link("models", f"Version {one['version']}", kind="rl-row", version=str(one["version"])),
            stage_pill(one),
            markup.two_lines(
                markup.text(words.ago(one["published_at"], now)),
                markup.text(words.day(one["published_at"], roles.timezone)),
            ),
            markup.text(one["author"]),
            markup.text(one["reason"]),
            f'<code title="{markup.text(one["bundle"])}">{markup.text(one["bundle"][:12])}</code>',
        ]
        for one in newest
    ]
    kinds = ["rl-chosen" if one["version"] == chosen else "" for one in newest]
    return markup.table(["Version", "Stage", "Published", "By", "Why", "Bundle"], rows, kinds=kinds)


def stage_pill(version: Mapping[str, Any]) -> str:
    """The stage of a version; of a canary its share too."""
    share = f" {words.number(version['percent'])} %" if version["percent"] else ""
    return markup.pill(f"{version['stage'].capitalize()}{share}", stages.TONES[version["stage"]])


def _one(version: Mapping[str, Any], roles: Roles) -> None:
    number = int(version["version"])
    st.subheader(f"Version {number}")
    _quality(version["bundle"], roles)
    if version["stage"] in ("shadow", "canary"):
        _comparison(number, roles)
    left, right = st.columns([1, 1], gap="large")
    whole = connection.client().version(number)
    with left:
        st.subheader("Stage")
        stages.controls(number)
        st.html(move_table(whole["history"], roles))
    with right:
        _kept(number, whole["inventory"])


def _ask_quality(url: str, scenario: str | None, bundle: str | None) -> dict[str, Any]:
    return connection.client().quality(bundle)


_measured = st.cache_data(ttl=60, max_entries=64, show_spinner=False)(_ask_quality)


def _quality(bundle: str | None, roles: Roles) -> None:
    """Figures and curves over the labelled events that it judged."""
    found = _measured(connection.address(), connection.chosen_scenario(), bundle)
    if not found["labelled"]:
        st.html(
            '<div class="rl-empty">How well it does is known once events that it judged are labelled: from '
            "chargebacks, from analysts, or through the API.</div>"
        )
        return
    st.html(markup.figures(figures(found)))
    if found["ranking"] is None:
        st.html('<p class="rl-note">Curves need frauds and honest events with a score.</p>')
        return
    palette = connection.palette()
    columns = st.columns(3, gap="medium")
    drawn = [
        (
            "Precision over recall",
            quality_charts.precision_recall(
                found["curves"]["precision_recall"], found["frauds"] / found["labelled"], palette
            ),
        ),
        ("Risk scores", quality_charts.scores(found["scores"], palette)),
    ]
    if found["calibration"]:
        drawn.insert(
            1, ("What was said, what happened", quality_charts.reliability(found["calibration"], palette))
        )
    for column, (title, chart) in zip(columns, drawn, strict=False):
        with column:
            st.html(f"<h4>{markup.text(title)}</h4>")
            st.altair_chart(chart, width="stretch", theme=None)
    st.caption(
        f"Over {found['labelled']:,} labelled {roles.event_word}s. Flagged ones are looked at, "
        "and so labelled, more often than others: recall looks better than it is."
    )


def figures(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The key figures of a bundle's quality."""
    ranking, calibration = found["ranking"] or {}, found["calibration"] or {}
    return [
        ("Labelled", words.number(found["labelled"]), f"{words.number(found['frauds'])} frauds among them"),
        ("Precision", words.percent(found["precision"]["value"]), _interval(found["precision"])),
        ("Recall", words.percent(found["recall"]["value"]), _interval(found["recall"])),
        ("Average precision", _share(ranking.get("average_precision")), "of the ranking, 1 at best"),
        ("ROC AUC", _share(ranking.get("auc")), "0.5 is chance"),
        ("Calibration error", _share(calibration.get("expected_calibration_error")), "0 at best"),
    ]


def _interval(estimate: Mapping[str, Any]) -> str:
    low, high = estimate.get("low"), estimate.get("high")
    return f"{words.percent(low)} to {words.percent(high)}" if low is not None else ""


def _share(value: float | None) -> str:
    return words.MISSING if value is None else f"{value:.3f}"


def _comparison(number: int, roles: Roles) -> None:
    """What a trial said of the events that another version decided."""
    found = connection.client().comparison(number)
    st.subheader("Beside what was decided")
    if not found["events"]:
        st.html(f'<div class="rl-empty">No {roles.event_word} was judged by both yet.</div>')
        return
    total, flags = found["events"], found["flagged"]
    st.html(
        markup.figures(
            [
                ("Judged by both", words.number(total), f"{roles.event_word}s"),
                ("Agreed", words.percent(found["agreed"] / total), f"{total - found['agreed']:,} otherwise"),
                (
                    "Flagged as decided",
                    words.number(flags["decided"]),
                    words.percent(flags["decided"] / total),
                ),
                ("Flagged as tried", words.number(flags["tried"]), words.percent(flags["tried"] / total)),
            ]
        )
    )
    rows = [
        [markup.outcome(pair["decided"]), markup.outcome(pair["tried"]), words.number(pair["count"])]
        for pair in found["pairs"]
        if pair["decided"] != pair["tried"]
    ]
    st.html(markup.table(["Decided", "Tried", "Events"], rows, empty="They agree on every one."))


def move_table(moves: Sequence[Mapping[str, Any]], roles: Roles) -> str:
    """How a version moved, the newest first."""
    rows = [
        [
            f"{markup.text(words.code_words(move['from'] or 'published'))} → "
            f"<b>{markup.text(move['to'])}</b>",
            markup.two_lines(
                markup.text(move["author"]), markup.text(words.moment(move["at"], roles.timezone))
            ),
            markup.text(move["reason"]),
        ]
        for move in list(reversed(moves))[:_HISTORY]
    ]
    return markup.table(["Move", "By", "Why"], rows, empty="It never moved.")


def _kept(number: int, inventory: Mapping[str, Any]) -> None:
    """The figures and files that were published with a version."""
    metrics = sorted(inventory["metrics"].items())
    st.subheader("Kept with it")
    if metrics:
        st.html(
            markup.table(
                ["Figure", "Value"], [[markup.text(name), f"{value:.4g}"] for name, value in metrics]
            )
        )
    prefix = "attachments/"
    names = [
        item["path"].removeprefix(prefix) for item in inventory["files"] if item["path"].startswith(prefix)
    ]
    for name in names:
        st.download_button(
            name, lambda name=name: connection.client().attachment(number, name),
            file_name=name.split("/")[-1], key=f"kept_{number}_{name}",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
    if not metrics and not names:
        st.html(
            '<p class="rl-note">No report was published with it: '
            "<code>riskloom models add --report</code>.</p>"
        )


def _roll_back() -> None:
    with st.popover("Roll back", icon=":material/undo:"):
        st.caption("The champion retires, and the one before it comes back.")
        with st.form("roll_back", border=False):
            reason = st.text_input("Why", key="roll_back_why", placeholder="Alerts doubled since noon")
            sent = st.form_submit_button("Roll back", type="primary")
        if not sent:
            return
        if not reason.strip():
            st.warning("Say why: it stays in the history.")
            return
        try:
            back = connection.client().roll_back(reason.strip(), connection.user())
        except RiskloomError as error:
            st.error(f"{error.message} {error.hint}".strip())
            return
        st.toast(f"Version {back['version']} is the champion again.", icon=":material/check:")
        st.rerun()


def _without_registry(models: Models, roles: Roles) -> None:
    current = models["current"]
    if current is None:
        st.html('<div class="rl-empty">No model was trained yet: rules alone decide.</div>')
    else:
        _quality(None, roles)
    st.subheader("Training runs")
    st.html(run_table(models, roles))
    st.caption(
        "Versions and stages need a registry: start the server with --registry, or set RISKLOOM_MODELS."
    )
