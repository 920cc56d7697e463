"""The guide to one's own data: its commands run in the order of the page, and print what it says."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import pytest

from riskloom.cli.new_data import read_sample
from riskloom.training.guess import names
from support.databases import Database
from support.process import run, serve

PAGE = (Path(__file__).parents[2] / "docs" / "own_data.md").read_text()
pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def commands(word: str) -> list[list[str]]:
    """The commands of the page's snippets that begin with a word."""
    text = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
    found = re.findall(rf"^{word} .*?(?=\n\S|\n*\Z)", text, re.DOTALL | re.MULTILINE)
    return [shlex.split(command) for command in found]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's files are."""
    made = tmp_path_factory.mktemp("own_data")
    with (made / "odd.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Transaction Amount", "When", "customer_id", "age", "class"])
        writer.writerows(
            [
                n % 90 + 0.5,
                f"{n % 28 + 1:02d}.03.2025 10:05",
                f"c{n % 30}",
                41 + n % 5 if n % 9 else "NA",
                "normal",
            ]
            for n in range(300)
        )
    return made


@pytest.fixture(scope="module")
def said(folder: Path) -> str:
    """What the page's commands print, in its order; each must end well."""
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "300")  # so that no line of a table is cut
        for words in commands("riskloom"):
            if words[1] != "serve":
                done = run(*words[1:], cwd=folder)
                assert done.returncode == 0, (words, done.stderr)
                told.append(done.stdout)
    return "\n".join(told)


def test_the_commands_make_what_they_promise(said: str, folder: Path) -> None:
    made = {path.name for path in folder.iterdir()}
    assert {"my_payments", "my_bundle", "my_report.html", "decisions.csv", "my_payments_mended"} <= made
    assert not any("dead-letters" in name for name in made)
    assert {path.name for path in (folder / "my_payments").iterdir()} == {
        "scenario.yaml", "rules.yaml", "rates.yaml",
    }  # fmt: skip


def test_the_table_says_what_the_page_shows(said: str) -> None:
    shown = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    printed = [[cell.strip() for cell in line.split("│")][:3] for line in said.splitlines()]
    for line in shown[1].splitlines():
        assert [cell.strip() for cell in line.split("│")] in printed, line


def test_what_is_served_takes_the_page_s_event(said: str, folder: Path) -> None:
    (served,) = [words for words in commands("riskloom") if words[1] == "serve"]
    (call,) = commands("curl")
    database = Database("sqlite", f"sqlite:///{folder}/served.db", folder / "data")
    served[served.index("--bundle") + 1] = str(folder / "my_bundle")
    with serve(database, *served[2:]) as process, process.client() as client:
        answer = client.post("/api/v1/score", json=json.loads(call[call.index("-d") + 1]))
        assert answer.status_code == 200
        assert answer.json()["risk_score"] is not None
        assert answer.json()["event_id"]


def test_the_copy_is_the_file_mended(said: str, folder: Path) -> None:
    columns = {column.name: column for column in read_sample(folder / "odd_mended.csv", 1_000).columns}
    assert set(columns) == {"Transaction_Amount", "When", "customer_id", "age", "class_"}
    assert (columns["When"].kind, columns["age"].kind) == ("time", "number")


@pytest.mark.parametrize("name", ["is_fraud", "Class", "label", "TX_FRAUD"])
def test_the_names_of_labels_that_it_gives_are_known(name: str) -> None:
    assert name in PAGE
    assert names.plain(name) in names.LABELS


@pytest.mark.parametrize("name", ["CUSTOMER_ID", "cc_num", "nameDest", "device"])
def test_the_names_of_keys_that_it_gives_are_known(name: str) -> None:
    assert name in PAGE
    assert names.entity_of(name)
