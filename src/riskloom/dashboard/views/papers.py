"""What people put into a case: notes, tasks, files, links; and its dossier."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from riskloom.dashboard import case_words, connection, markup, words
from riskloom.dashboard.roles import Roles
from riskloom.errors import RiskloomError

FORMS: Mapping[str, tuple[str, str]] = {
    "html": ("Page", "text/html"),
    "pdf": ("PDF", "application/pdf"),
    "json": ("JSON", "application/json"),
}


def render(found: Mapping[str, Any], roles: Roles) -> None:
    """Draw them beside the timeline."""
    number = int(found["case_id"])
    st.subheader("Notes")
    with st.form(f"note_{number}", border=False, clear_on_submit=True):
        text = st.text_area(
            "A note",
            key=f"note_text_{number}",
            label_visibility="collapsed",
            height=80,
            placeholder="Write a note",
        )
        if st.form_submit_button("Add the note") and text.strip():
            _add("notes", number, {"text": text.strip()})
    st.html(case_words.notes(found["notes"], roles))
    _tasks(found, roles)
    _files(found)
    _links(found)
    _dossier(number)


def _add(what: str, number: int, said: Mapping[str, Any]) -> None:
    try:
        connection.client().add_to_case(what, number, said, connection.user())
    except RiskloomError as error:
        st.error(error.message)
        return
    st.rerun()


def _tasks(found: Mapping[str, Any], roles: Roles) -> None:
    number = int(found["case_id"])
    st.subheader("Tasks")
    now = datetime.now(UTC)
    for task in found["tasks"]:
        late = task["due"] and not task["done_at"] and words.read_time(task["due"]) < now
        due = f", due {words.moment(task['due'], roles.timezone)}" if task["due"] else ""
        label = f"{task['title']}{due}{' (late)' if late else ''}"
        if task["done_by"]:
            label += f", done by {task['done_by']}"
        key = f"task_{number}_{task['task_id']}"
        st.checkbox(
            label, value=task["done_at"] is not None, key=key, width="stretch", on_change=_do,
            args=(number, int(task["task_id"]), key),
        )  # fmt: skip
    with (
        st.form(f"task_{number}", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        title = st.text_input(
            "A task",
            key=f"task_title_{number}",
            label_visibility="collapsed",
            placeholder="Call the customer",
        )
        sent = st.form_submit_button("Add the task")
    if sent and title.strip():
        _add("tasks", number, {"title": title.strip()})


def _do(number: int, task_id: int, key: str) -> None:
    said = {"done": bool(st.session_state[key])}
    connection.client().change_in_case("tasks", number, task_id, said, connection.user())


def _files(found: Mapping[str, Any]) -> None:
    number = int(found["case_id"])
    st.subheader("Files")
    for file in found["files"]:
        size = f"{words.number(max(1, file['size'] // 1024))} kB, {file['author']}"
        st.download_button(
            f"{file['name']} ({size})",
            lambda file=file: connection.client().case_file(number, file["file_id"]),
            file["name"], file["media_type"], key=f"file_{number}_{file['file_id']}", type="tertiary",
            icon=":material/attach_file:", on_click="ignore", help=f"SHA-256 {file['sha256']}",
        )  # fmt: skip
    given = st.file_uploader(
        "Add a file", key=f"upload_{number}_{len(found['files'])}", label_visibility="collapsed"
    )
    if given is not None:
        try:
            kind = given.type or "application/octet-stream"
            connection.client().add_file(number, given.name, kind, given.getvalue(), connection.user())
        except RiskloomError as error:
            st.error(f"{error.message} {error.hint}".strip())
            return
        st.rerun()


def _links(found: Mapping[str, Any]) -> None:
    if not found["links"]:
        return
    st.subheader("Linked cases")
    rows = [
        [
            markup.link("cases", f"Case {link['case_id']}", case=str(link["case_id"])),
            markup.text(words.code_words(link["kind"])),
            markup.text(link["entity_key"]),
            case_words.state(link),
        ]
        for link in found["links"]
    ]
    st.html(markup.table(["Case", "How", "About", "State"], rows))


def _dossier(number: int) -> None:
    st.subheader("Dossier")
    with st.container(horizontal=True, gap="small"):
        for form, (word, kind) in FORMS.items():
            st.download_button(
                word, lambda form=form: connection.client().dossier(number, form, connection.user()),
                f"case-{number}.{form}", kind, key=f"dossier_{number}_{form}", icon=":material/download:",
                on_click="ignore",
            )  # fmt: skip
