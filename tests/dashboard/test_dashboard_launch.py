from __future__ import annotations

import tomllib
from pathlib import Path

from riskloom.dashboard import launch, links


def test_the_command_serves_the_app_on_its_port_and_names_the_server() -> None:
    command = launch.command(8501, "http://127.0.0.1:8000")
    assert "--server.port=8501" in command
    assert "--server.address=127.0.0.1" in command
    assert command[-2:] == ["--", "--api-url=http://127.0.0.1:8000"]
    assert Path(command[command.index("run") + 1]).is_file()


def test_nothing_is_told_to_the_makers_of_streamlit() -> None:
    assert "--browser.gatherUsageStats=false" in launch.command(1, "http://x")
    settings = tomllib.loads((launch.APP.parent / ".streamlit" / "config.toml").read_text())
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorLinks"] is False


def test_a_clicked_link_is_read_as_a_page_and_its_query() -> None:
    assert links.read_link("decision?event=a%2Fb+c") == ("decision", {"event": "a/b c"})
    assert links.read_link("queue") == ("queue", {})
    assert links.read_link("http://elsewhere/x/queue?show=all") == ("queue", {"show": "all"})
