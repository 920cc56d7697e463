"""Rules alone, a model alone, and a policy of both under an alert budget, at the same number of alerts.

    python benchmarks/policy_table.py             # the test weeks; writes its section of docs/benchmarks.md
    python benchmarks/policy_table.py --validate  # the weeks before, where everything was chosen

An alert is a customer first flagged on a day. The policy decides with its budget; then each opponent is taken
from a ladder of settings, the one with the fewest alerts that are not fewer than the policy's. All decide in
one replay (`riskloom.replay`), and the figures are the replay's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from page import table, write_section
from policy_cases import HANDBOOK, SPARKOV, Case, Fold, read_history

from riskloom.bundle import make_bundle
from riskloom.measure.cost import CostMatrix
from riskloom.measure.ranking import card_precision_at_k
from riskloom.model import Model
from riskloom.replay.compare import Comparison, SideFigures, compare
from riskloom.replay.run import Period, Replayed, replay
from riskloom.replay.side import Side
from riskloom.replay.tape import UNKNOWN, Tape, Track
from riskloom.training.history import History

SEED = 1
DAY_US = 86_400_000_000
POLICY, MODEL, RULES, BOTH, BUDGETED = "policy", "model", "rules", "both", "budgeted"
SHOWN = {
    RULES: "rules alone",
    MODEL: "model alone",
    BOTH: "rules + model",
    BUDGETED: "model + budget",
    POLICY: "**rules + model + budget**",
}
SHARES = (0.9, 0.95, 1.0, 1.1, 1.25, 1.4, 1.6, 1.7, 1.8, 2.0)
"""Of the alerts a budget has room for: what the model's thresholds aim at."""
MIXED = (0.7, 0.85, 1.0, 1.3, 1.5)
"""The same where rules flag, too."""
MATRIX = CostMatrix(500.0, 200.0, 0.9)


@dataclass(frozen=True, slots=True)
class Table:
    """What one data set gave: figures by setting, and what each setting chosen from a ladder is."""

    case: Case
    per_day: int
    comparison: Comparison
    precision_at_100: Mapping[str, float]
    chosen: Mapping[str, str]


def main() -> None:
    """Measure both data sets and write them down, or print what the weeks before say."""
    if "--validate" in sys.argv:
        for case in (HANDBOOK, SPARKOV):
            for found in measure(case, case.validation, case.tried):
                print(section(found))
        return
    parts = [
        section(found) for case in (HANDBOOK, SPARKOV) for found in measure(case, case.test, case.per_day)
    ]
    write_section("policy_table", "\n\n".join([HEAD, *parts, "\n".join(f"- {each}" for each in NOTES)]))


def measure(case: Case, folds: Sequence[Fold], budgets: Sequence[int]) -> Iterator[Table]:
    """Train a model for each fold, replay all settings over all folds at once, and compare."""
    history = read_history(case, min(fold.train[0] for fold in folds), max(fold.judged[1] for fold in folds))
    models = [case.fit(history, fold, SEED) for fold in folds]
    judged = [case.judged(history, fold) for fold in folds]
    sides = [
        Side(f"{at}/{name}", make_bundle(case.scenario_of(history, fold, policy, rules), model))
        for at, (fold, model) in enumerate(zip(folds, models, strict=True))
        for name, policy, rules in settings(case, history, judged[at], model, budgets)
    ]
    period = Period(min(fold.judged[0] for fold in folds), max(fold.judged[1] for fold in folds))
    replayed = joined(replay(sides, case.chunks(), period=period, examples=0), history, judged)
    for per_day in budgets:
        yield figures(case, per_day, replayed, history, models, judged)


def settings(
    case: Case, history: History, rows: npt.NDArray[np.int64], model: Model, budgets: Sequence[int]
) -> Iterator[tuple[str, dict[str, object], Sequence[Mapping[str, object]]]]:
    """(name, policy, rules) of every setting that is tried over one fold."""
    percentile = {"percentile": case.percentile}
    days = len(np.unique(history.time_us[rows] // DAY_US))
    risks = best_of_day(model.score_many(history.vectors[rows]).risk_scores, history, rows)
    for per_day in budgets:
        budget = {**percentile, "budget": {"per_day": per_day, "entity": case.entity}}
        yield f"{POLICY} {per_day}", budget, case.rules()
        yield f"{BUDGETED} {per_day}", budget, ()
        for kind, shares, rules in ((MODEL, SHARES, ()), (BOTH, MIXED, case.rules())):
            for share in shares:
                at = min(round(share * per_day * days), len(risks)) - 1
                yield f"{kind} {share * per_day:g}", {"percentile": float(risks[at])}, rules
    for looseness in case.ladder:
        yield f"{RULES} {looseness:g}", {"percentile": 100.0}, case.rules(looseness)


def best_of_day(
    risks: npt.NDArray[np.float64], history: History, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The highest risk score of each entity on each day, from the highest down."""
    pairs = np.stack([history.entities[rows], history.time_us[rows] // DAY_US])
    _, place = np.unique(pairs, axis=1, return_inverse=True)
    best = np.zeros(int(place.max()) + 1)
    np.maximum.at(best, place.ravel(), risks)
    return np.sort(best)[::-1]


def joined(replayed: Replayed, history: History, judged: Sequence[npt.NDArray[np.int64]]) -> Replayed:
    """One tape of the judged events alone: in each fold's time the tracks of its own sides."""
    tape = replayed.tape
    counted = np.flatnonzero((history.time_us >= replayed.first_us) & (history.time_us <= replayed.last_us))
    rows = [np.searchsorted(counted, each) for each in judged]
    kept = np.concatenate(rows)
    names = [name.split("/")[1] for name in tape.tracks if name.startswith("0/")]
    tracks = {
        name: Track(
            *(
                np.concatenate(
                    [getattr(tape.tracks[f"{at}/{name}"], column)[each] for at, each in enumerate(rows)]
                )
                for column in ("outcomes", "by_model", "packed")
            ),
            tape.tracks[f"0/{name}"].rules,
        )
        for name in names
    }  # fmt: skip
    own = Tape(
        tape.labels[kept],
        tape.days[kept],
        None if tape.amounts is None else tape.amounts[kept],
        None if tape.entities is None else tape.entities[kept],
        None,
        (),
        tracks,
    )
    sides = {side.name.split("/")[1]: side for side in replayed.sides if side.name.startswith("0/")}
    return replace(replayed, tape=own, sides=tuple(Side(name, sides[name].bundle) for name in names))


def figures(
    case: Case,
    per_day: int,
    replayed: Replayed,
    history: History,
    models: Sequence[Model],
    judged: Sequence[npt.NDArray[np.int64]],
) -> Table:
    """Take the fair rung of each ladder, and compare the policy with it."""
    tape = replayed.tape
    alerts = {name: count_alerts(tape, track) for name, track in tape.tracks.items()}
    chosen = {kind: f"{kind} {per_day}" for kind in (POLICY, BUDGETED)}
    least = alerts[chosen[POLICY]]
    for kind in (RULES, MODEL, BOTH):
        rungs = [name for name in alerts if name.split()[0] == kind]
        enough = [name for name in rungs if alerts[name] >= least]
        chosen[kind] = min(enough, key=alerts.__getitem__) if enough else max(rungs, key=alerts.__getitem__)
    order = [POLICY, RULES, MODEL, BOTH, BUDGETED]
    sides = {side.name: side for side in replayed.sides}
    own = replace(
        replayed,
        sides=tuple(Side(kind, sides[chosen[kind]].bundle) for kind in order),
        tape=replace(tape, tracks={kind: tape.tracks[chosen[kind]] for kind in order}),
    )
    risks = np.concatenate(
        [
            model.score_many(history.vectors[rows]).risk_scores
            for model, rows in zip(models, judged, strict=True)
        ]
    )
    starts = np.concatenate([np.full(len(rows), at) for at, rows in enumerate(judged)])
    found = {
        kind: found_cards(own.tape, track, risks, starts, kind) for kind, track in own.tape.tracks.items()
    }
    return Table(
        case, per_day, compare(own, matrix=MATRIX, budget=per_day, seed=SEED), found,
        chosen,
    )  # fmt: skip


def count_alerts(tape: Tape, track: Track) -> int:
    """How many entities were first flagged on a day, over all days."""
    flagged = track.outcomes > 0
    entities = tape.entities if tape.entities is not None else np.full(len(tape), UNKNOWN)
    return np.unique(np.stack([entities[flagged], tape.days[flagged]]), axis=1).shape[1]


def found_cards(
    tape: Tape, track: Track, risks: npt.NDArray[np.float64], folds: npt.NDArray[np.int64], kind: str
) -> float:
    """Card precision@100, mean over folds: what is flagged first, then by the model's score."""
    flagged = (track.outcomes > 0) * 1_000.0
    if kind == RULES:
        score = flagged + sum(track.met(rule).astype(float) for rule in range(track.rules))
    else:
        score = flagged + risks
    assert tape.entities is not None
    return float(np.mean([
        card_precision_at_k(tape.labels[own] == 1, score[own], tape.entities[own], tape.days[own], 100).mean
        for own in (folds == fold for fold in np.unique(folds))
    ]))  # fmt: skip


def section(found: Table) -> str:
    """The table of one data set."""
    case, comparison = found.case, found.comparison
    by_name = {side.name: side for side in comparison.sides}
    saved = {change.second: change.saved for change in comparison.changes}
    rows = []
    for kind, shown in SHOWN.items():
        side = by_name[kind]
        against = saved.get(kind)
        less = "" if against is None else money(-against.value, -against.high, -against.low)
        rows.append((shown, *cells(side, found.precision_at_100[kind]), less))
    header = (
        "", "alerts", "fraud caught", "value caught", "precision", "card precision@100", "honest annoyed",
        f"days over {found.per_day}", f"cost, {case.currency}", "saved against none", "the policy saves more",
    )  # fmt: skip
    rungs = ", ".join(f"{SHOWN[kind]}: {found.chosen[kind].split()[1]}" for kind in (RULES, MODEL, BOTH))
    first = comparison.sides[0].counts
    return f"""### {case.title}, {found.per_day} alerts a day

{comparison.labelled:,} payments judged, {first.frauds:,} of them fraud. {case.said} Rungs taken: {rungs}.

{table(header, rows)}"""


def cells(side: SideFigures, at_100: float) -> tuple[str, ...]:
    """The figures of one side as text."""
    counts, alerts = side.counts, side.alerts
    assert counts.money is not None
    assert alerts is not None
    assert side.cost is not None
    assert side.saved is not None
    return (
        f"{sum(alerts.entities_by_day):,}",
        f"{counts.caught:,} ({counts.recall.value:.1%})",
        f"{counts.money.share:.1%}",
        f"{counts.precision.value:.1%}",
        f"{at_100:.3f}",
        f"{counts.annoyed:,}",
        f"{alerts.over_budget}",
        money(side.cost.value),
        money(side.saved.value, side.saved.low, side.saved.high),
    )


def money(value: float, low: float | None = None, high: float | None = None) -> str:
    """Minor units as whole major ones, with an interval where there is one."""
    inside = "" if low is None or high is None else f" ({low / 100:,.0f} to {high / 100:,.0f})"
    return f"{value / 100:,.0f}{inside}"


HEAD = f"""## Rules, a model, and a policy of both under a budget

`python benchmarks/policy_table.py`, seed {SEED}; `--validate` prints the same of the weeks before

Everything is decided by `riskloom.replay`. An alert is a customer first flagged on a day, as a budget counts
it. The policy is flagged by its rules, and by the model as far as the budget has room. Each opponent has as
many alerts as the policy, or a few more: of a ladder of settings the one with the fewest that are not fewer.
That looks at the number of alerts of the test, which flatters the opponents (nobody knows such a threshold
beforehand), and at no label. Cost: a missed fraud its amount, an alert 5, an honest one 2 more, 0.9 of a
caught fraud is saved. Intervals are 95 %, by drawing whole customers; the last column draws the same ones for
both."""

NOTES = (
    "**Chosen on the weeks before**: which rules the policy keeps, the budgets, its own percentile.",
    "**What the budget adds**: it keeps the number of alerts of a day, which a threshold does not; and for "
    "the rest of the day of a flagged customer the policy's own threshold is enough, as it costs no alert.",
    "**What it costs**: frauds that come late on a day whose budget is used up. So the policy has a rule for "
    "what is sure; rules are never held back, and a day may have more alerts than its budget.",
    "**Rules alone** may be loosened by one number until they have as many alerts; on Sparkov they never "
    "have.",
    "**On Sparkov the model alone is nearly enough**: the policy's lead there is within chance, on the "
    "Handbook it is not.",
)

if __name__ == "__main__":
    main()
