"""Training an autoencoder with PyTorch, on one thread, the same network each time."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Floats, Progress
from riskloom.errors import ExtraMissing, Fault, ParameterInvalid
from riskloom.params import Value

HEAVIEST = 1e6
"""No weight or bias is larger."""

Layers = list[tuple[Floats, Floats]]
"""From the first layer to the last: weights float64[inputs, outputs] and biases float64[outputs]."""

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Lessons:
    """Rows to learn from: scaled values float64[n, F], gaps filled, and bool[n, F] where they were known."""

    rows: Floats
    known: npt.NDArray[np.bool_]


def learn_network(
    lessons: Lessons,
    later: Lessons | None,
    hidden: tuple[int, ...],
    settings: Mapping[str, Value],
    seed: int,
    progress: Progress,
) -> tuple[Layers, Floats]:
    """(layers, the root of the mean squared residual of each feature in training).

    Minimises Huber's loss by Adam, so that what training rows lie far out pull less than their squares would.
    After each pass over the rows the loss on `later` is looked at; when it has not fallen for `patience`
    passes, the best layers so far are taken. Chance is numpy's: the generators of PyTorch are left alone.

    Raises
    ------
    ExtraMissing
        When PyTorch is not installed.
    ParameterInvalid
        When the weights grow without end.
    """
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError as cause:
        raise ExtraMissing("torch", "Training an autoencoder") from cause
    chance = np.random.default_rng(seed)
    width = lessons.rows.shape[1]
    with _one_thread(torch):
        network = _Network(torch, (width, *hidden, width), str(settings["activation"]), chance)
        _run(network, lessons, later, settings, chance, progress)
        layers = network.layers()
        if not all((np.abs(part) <= HEAVIEST).all() for layer in layers for part in layer):
            raise ParameterInvalid(
                Fault(
                    "learning_rate", "a rate at which training stays finite", str(settings["learning_rate"])
                )
            )
        return layers, network.usual(lessons)


def _run(
    network: _Network,
    lessons: Lessons,
    later: Lessons | None,
    settings: Mapping[str, Value],
    chance: np.random.Generator,
    progress: Progress,
) -> None:
    """Pass over the rows until the passes are done or `later` has not improved for long enough."""
    epochs, batch, waits = (int(settings[name]) for name in ("epochs", "batch_size", "patience"))
    step = network.stepper(float(settings["learning_rate"]))
    least, waited, best = np.inf, 0, network.layers()
    progress(0, epochs)
    for epoch in range(1, epochs + 1):
        order = chance.permutation(len(lessons.rows))
        for begin in range(0, len(order), batch):
            chosen = order[begin : begin + batch]
            step(lessons.rows[chosen], lessons.known[chosen])
        progress(epoch, epochs)
        if later is None:
            continue
        loss = network.loss(later)
        if loss < least:
            least, waited, best = loss, 0, network.layers()
        else:
            waited += 1
        if waited == waits:
            break
    if later is not None:
        network.take(best)
    progress(epochs, epochs)


class _Network:
    """Layers as tensors of PyTorch in float64, drawn as its `Linear` draws them."""

    def __init__(
        self, torch: Any, sizes: tuple[int, ...], activation: str, chance: np.random.Generator
    ) -> None:
        self.torch = torch
        self.bend = torch.tanh if activation == "tanh" else torch.relu
        self.tensors: list[tuple[Any, Any]] = []
        for inputs, outputs in pairwise(sizes):
            bound = 1.0 / np.sqrt(inputs)
            drawn = (chance.uniform(-bound, bound, shape) for shape in ((inputs, outputs), outputs))
            weight, bias = (torch.from_numpy(part).requires_grad_() for part in drawn)
            self.tensors.append((weight, bias))

    def forward(self, rows: Any) -> Any:
        for weight, bias in self.tensors[:-1]:
            rows = self.bend(self.torch.addmm(bias, rows, weight))
        weight, bias = self.tensors[-1]
        return self.torch.addmm(bias, rows, weight)

    def stepper(self, rate: float) -> Any:
        """The function that learns from one batch."""
        torch = self.torch
        adam = torch.optim.Adam([part for pair in self.tensors for part in pair], lr=rate, fused=True)
        huber = torch.nn.functional.huber_loss

        def step(rows: Floats, known: npt.NDArray[np.bool_]) -> None:
            wanted = torch.from_numpy(rows)
            loss = huber(torch.where(torch.from_numpy(known), self.forward(wanted), wanted), wanted)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()

        return step

    def _residuals(self, lessons: Lessons) -> Iterator[Any]:
        """The residuals chunk by chunk, 0 where the value was missing."""
        torch = self.torch
        with torch.no_grad():
            for begin in range(0, len(lessons.rows), _CHUNK):
                rows = torch.from_numpy(lessons.rows[begin : begin + _CHUNK])
                known = torch.from_numpy(lessons.known[begin : begin + _CHUNK])
                yield torch.where(known, self.forward(rows) - rows, 0.0)

    def loss(self, lessons: Lessons) -> float:
        """The loss that training lowers, summed over rows."""
        huber = self.torch.nn.functional.huber_loss
        zero = self.torch.zeros((), dtype=self.torch.float64)
        return sum(
            float(huber(off, zero.expand_as(off), reduction="sum")) for off in self._residuals(lessons)
        )

    def usual(self, lessons: Lessons) -> Floats:
        """The root of the mean squared residual of each feature, over the rows that have it."""
        squares = np.zeros(lessons.rows.shape[1])
        for off in self._residuals(lessons):
            squares += (off * off).sum(dim=0).numpy()
        return cast("Floats", np.sqrt(squares / np.maximum(lessons.known.sum(axis=0), 1)))

    def layers(self) -> Layers:
        """Copies of the layers as they are now."""
        return [
            (weight.detach().numpy().copy(), bias.detach().numpy().copy()) for weight, bias in self.tensors
        ]

    def take(self, layers: Layers) -> None:
        """Put these layers in the place of those there are."""
        with self.torch.no_grad():
            for tensors, parts in zip(self.tensors, layers, strict=True):
                for tensor, part in zip(tensors, parts, strict=True):
                    tensor.copy_(self.torch.from_numpy(part))


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """One thread for PyTorch: sums that are split otherwise on another machine would end in other bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
