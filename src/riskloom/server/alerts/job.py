"""Beside a running server: closes alerts that nobody looked at in the time that their queue declares.

Some hundreds are closed in one transaction that looks at each again: a crash in the middle leaves the others
for the next time.
"""

from __future__ import annotations

import asyncio

import structlog

from riskloom.errors import StoreUnavailable
from riskloom.server.alerts.service import AlertService

log = structlog.get_logger()
PAUSE_S = 60.0


async def close_regularly(service: AlertService) -> None:
    """Look each minute, until cancelled."""
    while True:
        await asyncio.sleep(PAUSE_S)
        try:
            closed = await service.close_stale()
        except StoreUnavailable as error:
            log.warning("alerts.not_closed", reason=error.message)
            continue
        if closed:
            log.info("alerts.auto_closed", alerts=closed)
