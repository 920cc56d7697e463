"""How the dashboard is started: the command line of a Streamlit process."""

from __future__ import annotations

import sys
from pathlib import Path

APP = Path(__file__).with_name("app.py")


def command(port: int, api_url: str, *, host: str = "127.0.0.1") -> list[str]:
    """The command that serves the dashboard on `port`, reading the server at `api_url`.

    A key, where the server wants one, is read from `RISKLOOM_API_KEY` by the process itself. Usage
    statistics are off: nothing is told to anybody outside.
    """
    return [
        *(sys.executable, "-m", "streamlit", "run", str(APP)),
        f"--server.port={port}",
        f"--server.address={host}",
        "--server.headless=true",
        "--server.fileWatcherType=none",
        "--browser.gatherUsageStats=false",
        "--",
        f"--api-url={api_url}",
    ]
