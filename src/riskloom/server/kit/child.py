"""Work in a process of its own: a module of ours gets an order on stdin and answers on stdout."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

LONGEST_LINE = 64 << 20


@asynccontextmanager
async def child(module: str, order: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that runs a module on an order, as JSON; it is ended when the block is left early."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
    )
    try:
        if process.stdin is not None:
            process.stdin.write(msgspec.json.encode(order))
            process.stdin.close()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run_child(module: str, order: Any) -> tuple[int, bytes, str]:
    """Run a module on an order to its end: (exit code, stdout, stderr)."""
    async with child(module, order) as process:
        out, err = await process.communicate()
    return process.returncode or 0, out, err.decode(errors="replace").strip()
