"""What the parts of `Client` speak through."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import httpx


class Calls(ABC):
    """Requests that answer JSON or raise an error of `riskloom.errors`; `Client` makes them."""

    @abstractmethod
    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any: ...

    @abstractmethod
    def _post(
        self,
        path: str,
        body: bytes | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any: ...

    @abstractmethod
    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        kind: str = "application/json",
        timeout: float | None = None,
    ) -> httpx.Response: ...
