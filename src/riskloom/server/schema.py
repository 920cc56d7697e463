"""Every table there is: those of the log, and those of each slice."""

from __future__ import annotations

from riskloom.server.alerts import tables as _alerts  # noqa: F401 - declares its tables
from riskloom.server.cases import tables as _cases  # noqa: F401
from riskloom.server.tables import metadata

__all__ = ["metadata"]
