"""Retraining beside a running server: in a child process, swapped in whole, there again after a restart."""

from __future__ import annotations

import asyncio
import importlib.util
import uuid
from pathlib import Path
from typing import Any

import structlog

from riskloom.bundle import Bundle, read_bundle, write_bundle
from riskloom.clock import Clock
from riskloom.domain.stage import Stage
from riskloom.errors import (
    Conflict,
    DataInvalid,
    ExtraMissing,
    Fault,
    NotFound,
    RiskloomError,
    StoreUnavailable,
)
from riskloom.registry import Registry
from riskloom.server.bundles import BundleTexts
from riskloom.server.engine import DecisionEngine
from riskloom.server.kit.child import run_child
from riskloom.server.lineup.follower import Follower
from riskloom.server.models.quality import QualityRepo, quality
from riskloom.server.models.repo import ModelRepo
from riskloom.server.settings import Settings

log = structlog.get_logger()
SEED = 7
RETRAINER = "riskloom retrain"


class ModelService:
    """The model at work, its runs, and retraining."""

    def __init__(
        self,
        engine: DecisionEngine,
        repo: ModelRepo,
        texts: BundleTexts,
        settings: Settings,
        clock: Clock,
        follower: Follower | None,
        quality: QualityRepo,
    ) -> None:
        self._engine = engine
        self._repo = repo
        self._texts = texts
        self._settings = settings
        self._clock = clock
        self._follower = follower
        self._quality = quality
        self._jobs: dict[str, dict[str, Any]] = {}
        self._running: tuple[str, float, asyncio.Task[None]] | None = None

    def runs(self) -> list[dict[str, Any]]:
        """Every training, newest first."""
        return self._repo.all()

    def current(self) -> dict[str, Any] | None:
        """What the model at work is, or None."""
        bundle = self._engine.bundle
        if bundle.model is None:
            return None
        model, percentile = bundle.model, bundle.scenario.policy.percentile
        return {
            "bundle": bundle.fingerprint,
            "model_type": model.kind,
            "trained_rows": model.info.get("trained_rows"),
            "percentile": percentile,
            "threshold": model.reference.threshold(percentile),
            "feature_columns": list(model.features),
            "info": dict(model.info),
        }

    def quality(self, bundle: str) -> dict[str, Any]:
        """How a bundle did on the labelled events it judged."""
        return quality(bundle, self._quality.labelled(bundle))

    async def retrain(self, percentile: float | None) -> dict[str, Any]:
        """Train on the newest stored vectors and swap the model in; wait for it as long as the settings say.

        Returns
        -------
        The job: `status` is running or done; then `result` has trained_rows, threshold, percentile, bundle.

        Raises
        ------
        ExtraMissing
            Without scikit-learn.
        Conflict
            While another percentile is being trained.
        DataInvalid
            With too few stored vectors.
        """
        if importlib.util.find_spec("sklearn") is None:
            raise ExtraMissing("train", "Retraining")
        wanted = self._engine.bundle.scenario.policy.percentile if percentile is None else percentile
        running = self._running
        if running is not None and running[1] != wanted:
            raise Conflict(
                f"A training for percentile {running[1]:g} is running.",
                hint=f"see /api/v1/models/jobs/{running[0]}",
            )
        if running is None:
            job_id = uuid.uuid4().hex[:12]
            self._jobs[job_id] = {"job_id": job_id, "status": "running", "percentile": wanted}
            task = asyncio.get_running_loop().create_task(self._run(job_id, wanted))
            running = self._running = (job_id, wanted, task)
        job_id, _, task = running
        await asyncio.wait({task}, timeout=self._settings.retrain_wait_s)
        job = self._jobs[job_id]
        if job["status"] == "failed":
            raise job["error"]
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        """A job by its id.

        Raises
        ------
        NotFound
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFound(f"No job {job_id!r}.")
        return {**job, "error": str(job["error"])} if "error" in job else job

    async def stop(self) -> None:
        """End a training that is under way."""
        if self._running is not None:
            self._running[2].cancel()
            await asyncio.wait({self._running[2]})

    async def _run(self, job_id: str, percentile: float) -> None:
        job = self._jobs[job_id]
        try:
            job["result"] = await self._train(percentile)
            job["status"] = "done"
        except RiskloomError as error:
            job["status"], job["error"] = "failed", error
            log.warning("models.retrain_failed", reason=error.message)
        except OSError as error:
            job["status"] = "failed"
            job["error"] = StoreUnavailable(
                f"The bundle could not be written: {error}", hint="make room on the disk"
            )
            log.warning("models.retrain_failed", reason=str(error))
        finally:
            if job["status"] == "running":
                job["status"], job["error"] = "failed", Conflict("The training was ended.")
            self._running = None

    async def _train(self, percentile: float) -> dict[str, Any]:
        base = self._engine.bundle
        folder = self._settings.bundles_folder
        await asyncio.to_thread(write_bundle, base, folder / base.fingerprint)
        order = {
            "database_url": self._settings.database_url,
            "base": str(folder / base.fingerprint),
            "folder": str(folder),
            "percentile": percentile,
            "limit": self._settings.retrain_max_rows,
            "seed": SEED,
        }
        path = Path(await self._child(order))
        bundle = await asyncio.to_thread(read_bundle, path)
        if bundle.model is None:
            raise DataInvalid(Fault("training", "a bundle with a model", str(path)))
        threshold = bundle.model.reference.threshold(percentile)
        now_us = self._clock.now_us()
        await asyncio.to_thread(self._texts.remember, bundle, now_us)
        await asyncio.to_thread(self._repo.add, bundle, str(path.resolve()), threshold, now_us)
        if self._follower is None:
            self._engine.use(bundle)
        else:
            promotes = not self._settings.four_eyes
            await asyncio.to_thread(_publish, self._follower.registry, bundle, promotes=promotes)
            await self._follower.refresh()
        log.info("models.swapped", bundle=bundle.version, rows=bundle.model.info.get("trained_rows"))
        return {
            "trained_rows": bundle.model.info.get("trained_rows"),
            "threshold": threshold,
            "percentile": percentile,
            "bundle": bundle.fingerprint,
        }

    async def _child(self, order: dict[str, Any]) -> str:
        """Run the training in a process of its own; its answer is the folder of the new bundle."""
        code, out, err = await run_child("riskloom.server.models.retrain_job", order)
        lines = out.decode(errors="replace").strip().splitlines()
        if code != 0 or not lines:
            said = (err.splitlines() or ["no message"])[-1]
            raise DataInvalid(Fault("training", "a finished training", said))
        return lines[-1]


def _publish(registry: Registry, bundle: Bundle, *, promotes: bool) -> None:
    """Publish a retrained bundle, as the champion where it `promotes`."""
    trained = 0 if bundle.model is None else bundle.model.info.get("trained_rows")
    reason = f"retrained on {trained} stored vectors"
    version = registry.publish(bundle, RETRAINER, reason)
    if promotes and version.stage is not Stage.CHAMPION:
        registry.move(version.scenario, version.number, Stage.CHAMPION, RETRAINER, reason)
