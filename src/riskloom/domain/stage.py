"""The stages of a version: candidate -> shadow -> canary -> champion -> retired, and every move between them.

One scenario has at most one champion (it decides), at most one canary (it decides for a stable share of the
entities) and any number of shadows (they score beside the champion and decide nothing). A new champion
retires the former one in the same change; a rollback retires the champion and brings the one before it back.
Values only: where a change is stored, and how two writers are kept apart, is not known here.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from riskloom.errors import Fault, NotFound, ParameterInvalid, StageInvalid, nearest, show


class Stage(StrEnum):
    """How much a version has to say."""

    CANDIDATE = "candidate"
    SHADOW = "shadow"
    CANARY = "canary"
    CHAMPION = "champion"
    RETIRED = "retired"


class Action(StrEnum):
    """What a change was asked for as."""

    PUBLISH = "publish"
    MOVE = "move"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Move:
    """One version from one stage to another; `origin` is None when it was published, `percent` a canary's."""

    version: int
    origin: Stage | None
    to: Stage
    percent: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What happened at once: the moves, who made them, when, and why."""

    number: int
    action: Action
    moves: tuple[Move, ...]
    at_us: int
    author: str
    reason: str


ALLOWED: Mapping[Stage, tuple[Stage, ...]] = MappingProxyType(
    {
        Stage.CANDIDATE: (Stage.SHADOW, Stage.CANARY, Stage.CHAMPION, Stage.RETIRED),
        Stage.SHADOW: (Stage.CANDIDATE, Stage.CANARY, Stage.CHAMPION, Stage.RETIRED),
        Stage.CANARY: (Stage.CANDIDATE, Stage.SHADOW, Stage.CANARY, Stage.CHAMPION, Stage.RETIRED),
        Stage.CHAMPION: (),
        Stage.RETIRED: (Stage.CANDIDATE, Stage.SHADOW),
    }
)
"""Where a version may be moved: forward past any stage, back from a trial, never out of being champion."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Which stage each version of a scenario is in.

    `percent` is the canary's. `champions` are the present one, last, and those that rollbacks go back to.
    """

    of: Mapping[int, Stage] = field(default_factory=dict)
    percent: float | None = None
    champions: tuple[int, ...] = ()

    @property
    def champion(self) -> int | None:
        """The version that decides."""
        return next(iter(self.at(Stage.CHAMPION)), None)

    @property
    def canary(self) -> int | None:
        """The version that decides for some entities."""
        return next(iter(self.at(Stage.CANARY)), None)

    def at(self, stage: Stage) -> tuple[int, ...]:
        """The versions in a stage, rising."""
        return tuple(sorted(version for version, its in self.of.items() if its is stage))

    def publish(self, version: int) -> tuple[Move, ...]:
        """The moves that add a version.

        Raises
        ------
        StageInvalid
            When the number is taken.
        """
        if version in self.of:
            raise StageInvalid(f"There is a version {version} already.", hint="publish under a new number")
        return (Move(version, None, Stage.CANDIDATE),)

    def move(self, version: int, to: str, percent: float | None = None) -> tuple[Move, ...]:
        """The moves that take a version to a stage; a new champion retires the former one.

        Parameters
        ----------
        percent
            The share of entities that a canary decides for, above 0 and below 100; for no other stage.

        Raises
        ------
        ParameterInvalid
            With an unknown stage, or a percent that is missing, not wanted or out of range.
        NotFound
            When there is no such version.
        StageInvalid
            When it may not go there from where it is.
        """
        stage = read_stage(to)
        share = _read_percent(stage, percent)
        origin = self._stage_of(version)
        if stage not in ALLOWED[origin]:
            raise StageInvalid(
                f"Version {version} is {_a(origin)}: {_why_not(origin, stage)}.", hint=_HINT.get(origin, "")
            )
        if origin is stage and share == self.percent:
            raise StageInvalid(
                f"Version {version} is the canary for {share:g} % already.", hint="give another percent"
            )
        if stage is Stage.CANARY and self.canary not in (None, version):
            raise StageInvalid(
                f"Version {self.canary} is the canary, and there is one at most.",
                hint=f"promote, retire or move version {self.canary} back first",
            )
        moves = (Move(version, origin, stage, share),)
        former = self.champion
        if stage is not Stage.CHAMPION or former is None:
            return moves
        return (*moves, Move(former, Stage.CHAMPION, Stage.RETIRED))

    def roll_back(self) -> tuple[Move, ...]:
        """The moves that bring the champion before the present one back.

        Raises
        ------
        StageInvalid
            When there was none.
        """
        if len(self.champions) < 2:
            present = (
                "There is no champion" if not self.champions else "There was no champion before this one"
            )
            raise StageInvalid(
                f"{present}: nothing to go back to.", hint="promote the version that should decide"
            )
        before, present_one = self.champions[-2:]
        return (
            Move(before, self._stage_of(before), Stage.CHAMPION),
            Move(present_one, Stage.CHAMPION, Stage.RETIRED),
        )

    def after(self, change: Change) -> Stages:
        """The stages after a change that was made.

        Raises
        ------
        StageInvalid
            When it does not follow from these stages, or would leave two champions or two canaries.
        """
        of, percent, champions = dict(self.of), self.percent, self.champions
        for move in change.moves:
            if of.get(move.version) is not move.origin:
                raise StageInvalid(
                    f"Change {change.number} moves version {move.version} from"
                    f" {move.origin or 'nowhere'}, but it is {of.get(move.version, 'nowhere')}."
                )
            of[move.version] = move.to
            if move.to is Stage.CANARY:
                percent = move.percent
            if move.to is Stage.CHAMPION:
                kept = champions[:-2] if change.action is Action.ROLLBACK else champions
                champions = (*kept, move.version)
        stages = Stages(MappingProxyType(of), percent, champions)
        for stage in (Stage.CHAMPION, Stage.CANARY):
            if len(stages.at(stage)) > 1:
                raise StageInvalid(f"Change {change.number} makes a second {stage}.")
        if stages.canary is None:
            return Stages(stages.of, None, champions)
        return stages

    def _stage_of(self, version: int) -> Stage:
        stage = self.of.get(version)
        if stage is None:
            known = ", ".join(map(str, sorted(self.of))) or "none yet"
            raise NotFound(f"There is no version {version}.", hint=f"there are: {known}")
        return stage


def stages_after(changes: Iterable[Change]) -> Stages:
    """The stages that a history leads to."""
    return functools.reduce(Stages.after, changes, Stages())


def read_stage(text: str) -> Stage:
    """A stage by its name.

    Raises
    ------
    ParameterInvalid
    """
    try:
        return Stage(text)
    except ValueError:
        names = [stage.value for stage in Stage]
        fault = Fault("stage", f"one of {', '.join(names)}", show(text), nearest(str(text), names))
        raise ParameterInvalid(fault) from None


def in_canary(entity_key: str | None, percent: float, salt: str) -> bool:
    """Whether an entity is among the `percent` of all for which the canary decides; 1 µs.

    The same entity is in or out every time, and who is in stays in when the percent rises. Another salt makes
    an independent draw. An event without an entity (None) is never in.

    >>> [in_canary("ann", percent, "version-2") for percent in (0, 5, 20, 100)]
    [False, False, True, True]
    """
    return entity_key is not None and canary_share(entity_key, salt) < percent / 100


def canary_share(entity_key: str, salt: str) -> float:
    """Where an entity stands between 0 and 1 (never 1): uniform, by a hash keyed with the salt."""
    hashed = hashlib.blake2b(entity_key.encode("utf-8", "surrogatepass"), digest_size=8, key=_key(salt))
    return (int.from_bytes(hashed.digest()) >> 11) / (1 << 53)


@functools.lru_cache(maxsize=256)
def _key(salt: str) -> bytes:
    return hashlib.sha256(salt.encode("utf-8", "surrogatepass")).digest()


def _read_percent(stage: Stage, percent: float | None) -> float | None:
    if stage is not Stage.CANARY:
        if percent is not None:
            raise ParameterInvalid(Fault("percent", f"none for stage {stage}", show(percent)))
        return None
    if isinstance(percent, bool) or not isinstance(percent, (int, float)) or not 0 < percent < 100:
        hint = "promote to champion what should decide for all" if percent == 100 else ""
        raise ParameterInvalid(Fault("percent", "a number above 0 and below 100", show(percent), hint))
    return float(percent)


def _a(stage: Stage) -> str:
    return f"the {stage}" if stage in (Stage.CHAMPION, Stage.CANARY) else str(stage)


def _why_not(origin: Stage, to: Stage) -> str:
    if origin is to:
        return "there is nothing to move"
    if origin is Stage.CHAMPION:
        return "it stays until another version takes its place"
    return f"from there it cannot become {_a(to)}"


_HINT: Mapping[Stage, str] = MappingProxyType(
    {
        Stage.CHAMPION: "promote another version, be it one of rules alone without a model, or roll back",
        Stage.RETIRED: "move it to candidate or shadow first; a former champion comes back with a rollback",
    }
)
