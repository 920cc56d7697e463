"""The child process of a replay: an order on stdin, a server's log replayed, on stdout how far it is.

Lines of JSON: `{"warm_up": n, "counted": n}` again and again, then `{"result": ...}` or `{"error": "..."}`.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from riskloom.bundle import read_bundle
from riskloom.domain.field import FieldType
from riskloom.errors import RiskloomError
from riskloom.measure.cost import CostMatrix
from riskloom.replay.compare import compare
from riskloom.replay.present import as_data
from riskloom.replay.run import Period, Progress, replay
from riskloom.replay.side import Side
from riskloom.scenario.scenario import Scenario
from riskloom.server.replays.service import opened, recorded_chunks, recorded_lists


class Costs(msgspec.Struct, frozen=True):
    """What decisions cost, in the base currency; `recovered` is the share of a caught fraud that is saved."""

    review: float
    insult: float = 0.0
    recovered: float = 1.0


class Order(msgspec.Struct, frozen=True):
    """What to replay: the folders of bundles by the name each goes by, and how to judge them."""

    database_url: str
    folders: dict[str, str]
    from_us: int | None = None
    to_us: int | None = None
    by: str = ""
    budget: float | None = None
    costs: Costs | None = None
    examples: int = 3


def main() -> int:
    """Replay as ordered."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        _tell({"result": run(order)})
    except RiskloomError as error:
        _tell({"error": str(error)})
        return 1
    return 0


def run(order: Order) -> dict[str, Any]:
    """The figures of a replay.

    Raises
    ------
    RiskloomError
    """
    sides = [Side(name, read_bundle(folder)) for name, folder in order.folders.items()]
    scenario = sides[0].bundle.scenario
    ends = {"from_us": order.from_us, "to_us": order.to_us}
    period = Period(**{name: moment for name, moment in ends.items() if moment is not None})
    with opened(order.database_url) as repo:
        replayed = replay(
            sides,
            recorded_chunks(repo, scenario),
            period=period,
            segment=order.by,
            examples=order.examples,
            lists_of=recorded_lists(repo, scenario.name),
            on_progress=_progress,
        )
    comparison = compare(replayed, matrix=_matrix(scenario, order.costs), budget=order.budget, seed=0)
    return as_data(replayed, comparison)


def _matrix(scenario: Scenario, costs: Costs | None) -> CostMatrix | None:
    money = next((field for field in scenario.fields if field.type is FieldType.MONEY), None)
    if costs is None or money is None:
        return None
    return CostMatrix(costs.review * money.scale, costs.insult * money.scale, costs.recovered)


def _progress(progress: Progress) -> None:
    _tell({"warm_up": progress.warm_up, "counted": progress.counted})


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
