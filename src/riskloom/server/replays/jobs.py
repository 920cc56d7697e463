"""Replays beside a running server, each in a process of its own: begun, watched, cancelled."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from riskloom.bundle import Bundle, write_bundle
from riskloom.errors import Conflict, Fault, NotFound, ParameterInvalid
from riskloom.server.kit.child import child
from riskloom.server.replays.job import Order
from riskloom.server.settings import Settings

MOST_RUNNING, MOST_KEPT = 2, 50


@dataclass(slots=True)
class Job:
    """One replay: `status` is running, done, failed or cancelled."""

    job_id: str
    sides: dict[str, str]
    """The bundle behind each name."""
    status: str = "running"
    warm_up: int = 0
    counted: int = 0
    error: str | None = None
    result: dict[str, Any] | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def as_data(self, *, whole: bool = True) -> dict[str, Any]:
        """The job as plain values, with its result when `whole`."""
        names = ("job_id", "sides", "status", "warm_up", "counted", "error")
        shown = {name: getattr(self, name) for name in names}
        return {**shown, "result": self.result} if whole else shown


class ReplayJobs:
    """The replays of one scenario since the server started; the newest are kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jobs: dict[str, Job] = {}

    def all(self) -> list[dict[str, Any]]:
        """Every job without its result, the newest first."""
        return [job.as_data(whole=False) for job in reversed(self._jobs.values())]

    def get(self, job_id: str) -> Job:
        """A job.

        Raises
        ------
        NotFound
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFound(f"No replay {job_id!r}.", hint="jobs are forgotten when the server ends")
        return job

    async def begin(self, bundles: dict[str, Bundle], **given: Any) -> Job:
        """Replay the log by these bundles, by the name each goes by.

        Raises
        ------
        Conflict
            While as many run as may.
        ParameterInvalid
        """
        if sum(job.status == "running" for job in self._jobs.values()) >= MOST_RUNNING:
            raise Conflict(f"{MOST_RUNNING} replays are running.", hint="wait for one, or cancel it")
        folder = self._settings.bundles_folder
        order = {
            "database_url": self._settings.database_url,
            "folders": {name: str(folder / bundle.fingerprint) for name, bundle in bundles.items()},
            **given,
        }
        try:
            msgspec.convert(order, Order, strict=True)
        except msgspec.ValidationError as error:
            raise ParameterInvalid(Fault("body", "values of their kinds", str(error))) from error
        for bundle in bundles.values():
            await asyncio.to_thread(write_bundle, bundle, Path(folder) / bundle.fingerprint)
        job = Job(uuid.uuid4().hex[:12], {name: bundle.fingerprint for name, bundle in bundles.items()})
        self._jobs[job.job_id] = job
        for old in [one for one in self._jobs if self._jobs[one].status != "running"][:-MOST_KEPT]:
            del self._jobs[old]
        job.task = asyncio.get_running_loop().create_task(self._run(job, order))
        return job

    async def cancel(self, job_id: str) -> Job:
        """End a job that is running.

        Raises
        ------
        NotFound
        """
        job = self.get(job_id)
        if job.task is not None and job.status == "running":
            job.task.cancel()
            await asyncio.wait({job.task})
        return job

    async def stop(self) -> None:
        """End all that run."""
        tasks = {job.task for job in self._jobs.values() if job.task is not None and not job.task.done()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, job: Job, order: dict[str, Any]) -> None:
        try:
            async with child("riskloom.server.replays.job", order) as process:
                if process.stdout is not None:
                    async for line in process.stdout:
                        self._hear(job, msgspec.json.decode(line))
                await process.wait()
            if job.status == "running":
                job.status, job.error = "failed", f"the process ended with {process.returncode}"
        except asyncio.CancelledError:
            job.status = "cancelled" if job.status == "running" else job.status

    def _hear(self, job: Job, said: dict[str, Any]) -> None:
        if "result" in said:
            job.status, job.result = "done", said["result"]
        elif "error" in said:
            job.status, job.error = "failed", said["error"]
        else:
            job.warm_up, job.counted = said["warm_up"], said["counted"]
