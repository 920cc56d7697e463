"""The model registry: versions of bundles, the stage each is in, who moved it there, when and why.

It joins a store (`ports.bundle_store`, opened by the shell from a URL) and the state machine of stages
(`domain.stage`), and knows neither folders, S3 nor MLflow.
"""

from __future__ import annotations

from riskloom.registry.registry import Registry
from riskloom.registry.version import Lineup, Version

__all__ = ["Lineup", "Registry", "Version"]
