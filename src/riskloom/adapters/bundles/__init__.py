"""Stores of published bundles, chosen by URL: the module is the kind.

    models, /srv/models, file:///srv/models     folder.py   the default
    s3://bucket/prefix                          s3.py       the extra `s3`
    mlflow://host:port/name                     mlflow.py   the extra `mlflow`; also mlflow+https://,
    mlflow+sqlite:///file.db                                and straight to a database file

Each module has `open_store(url)`. Nothing is imported before a URL asks for it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from riskloom import kinds
from riskloom.errors import Fault, ParameterInvalid
from riskloom.ports.bundle_store import BundleStore

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]+)(\+[a-z]+)?:")  # one letter is a Windows drive


def names() -> tuple[str, ...]:
    """The kinds of store there are."""
    return kinds.names(__name__)


def open_store(url: str | Path) -> BundleStore:
    """The store at a URL or in a folder; makes and writes nothing.

    Raises
    ------
    ParameterInvalid
        When the URL is of no known kind, or does not say what its kind needs.
    ExtraMissing
        When the library of its kind is not installed.
    StoreUnavailable
        When it is a server that does not answer.
    """
    text = str(url)
    if not text.strip():
        raise ParameterInvalid(Fault("registry", "a folder or a URL", "nothing"))
    scheme = _SCHEME.match(text)
    kind = "folder" if scheme is None or scheme[1].lower() == "file" else scheme[1].lower()
    return cast(BundleStore, kinds.load(__name__, kind).open_store(text))
