"""What the pages say is what the product does: snippets run, tables are generated, commands exist."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from riskloom.scenario.load import load_scenario
from riskloom.server.settings import settings_example, settings_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "adr").glob("*.md")])


def snippets(text: str, language: str) -> list[str]:
    """The fenced snippets of a page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_readmes_python_runs() -> None:
    for snippet in snippets(README, "python"):
        exec(compile(snippet, "README.md", "exec"), {})  # noqa: S102 - our own page


def test_the_readmes_curl_sends_a_valid_event() -> None:
    body = re.search(r"curl .*?-d '(\{.*?\})'", README, re.DOTALL)
    assert body is not None
    schema = load_scenario("card_payments").schema()
    event = schema.parse_one(
        json.loads(body[1]) | {"amount": "129.99", "lat": 51, "lon": 0}, 10**15, make_id=str
    )
    assert event.id == "tx-1"


def test_every_command_of_the_readme_exists() -> None:
    import typer

    from riskloom.cli.main import app

    root = typer.main.get_command(app)
    lines = [line for line in README.splitlines() if line.startswith("riskloom ")]
    assert len(lines) >= 6
    for line in lines:
        command, words = root, shlex.split(line, comments=True)[1:]
        while words and words[0] in getattr(command, "commands", {}):
            command = getattr(command, "commands")[words.pop(0)]  # noqa: B009 - groups have it, commands not
        known = {name for parameter in command.params for name in parameter.opts}
        for word in words:
            assert not word.startswith("--") or word in known, f"{line}: {word}"


def test_the_readmes_feature_count_is_true() -> None:
    scenario = load_scenario("card_payments")
    assert f"the {len(scenario.features)} features" in README
    assert (
        f"{len(scenario.features)} features and {len(scenario.rules)} rules"
        in (ROOT / "CHANGELOG.md").read_text()
    )


def test_the_settings_page_is_generated() -> None:
    assert settings_table() in (ROOT / "docs" / "operating.md").read_text()


def test_the_env_example_is_generated() -> None:
    assert (ROOT / ".env.example").read_text() == settings_example()


def test_the_scenario_page_is_a_scenario_that_loads(tmp_path: Path) -> None:
    (snippet,) = snippets((ROOT / "docs" / "scenarios.md").read_text(), "yaml")
    (tmp_path / "scenario.yaml").write_text(snippet)
    assert load_scenario(tmp_path).name == yaml.safe_load(snippet)["scenario"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_no_page_names_a_machine_of_ours() -> None:
    for page in PAGES:
        assert not re.search(r"/work/|/root/|/home/\w", page.read_text()), page
