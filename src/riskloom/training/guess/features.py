"""Features for guessed fields: windows for each entity that comes back, and expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from riskloom.domain.field import FieldType
from riskloom.features.spec import MAX_PAIRS
from riskloom.scenario.event_section import is_name
from riskloom.training.guess import names
from riskloom.training.guess.fields import FeatureGuess, FieldGuess
from riskloom.training.guess.roles import Entity
from riskloom.training.guess.times import HOUR_US, Counter

SEASONED = 5
"""Events a key has before it is compared with itself."""
MOST_ENTITIES = 6
MOST_OTHERS = MAX_PAIRS // 2
ITSELF, USUAL = "the event itself", "against what is usual"
_NOT_IN_NAMES = re.compile("[^a-z0-9]+")
_SAID = {"sum": "Total", "mean": "Mean", "std": "Spread", "max": "Largest"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What features are made from."""

    fields: tuple[FieldGuess, ...]
    entities: tuple[Entity, ...]
    """Those that come back, in order of importance; the first is the one an event is about."""
    time: str
    dated_only: bool
    """Times are dates."""
    counter: Counter | None
    amount: str
    place: tuple[str, str] | None
    """Latitude and longitude of the event, where its places change."""

    @property
    def main(self) -> str:
        """The entity an event is about; nothing without times, for then there are no windows."""
        return self.entities[0].kind if self.entities and self.time else ""


def guess_features(facts: Facts) -> tuple[tuple[FeatureGuess, ...], dict[str, str]]:
    """Every feature, each name once; and which names had to be others, because columns have them."""
    made: list[FeatureGuess] = []
    if facts.main:
        made += _windows_of_main(facts)
        for entity in facts.entities[1:MOST_ENTITIES]:
            made += _windows_of_another(facts, entity)
    made += _own_values(facts)
    made += _hours(facts)
    made += _comparisons(facts)
    return _name_each(made, {field.name for field in facts.fields})


def _windows_of_main(facts: Facts) -> Iterable[FeatureGuess]:
    e = facts.main
    yield from _counts(facts, e, ("24h", "7d", "30d"))
    since = f"Seconds since the last event of the same {e}"
    yield _window(e, "seconds_since_last", since, "seconds_since_last")
    if facts.amount:
        for aggregate, width in (
            ("sum", "24h"),
            ("sum", "7d"),
            ("mean", "30d"),
            ("std", "30d"),
            ("max", "30d"),
        ):
            yield _amount(facts, e, aggregate, width)
    for other in facts.entities[1 : 1 + MOST_OTHERS]:
        yield _distinct(e, other)
    for other in facts.entities[1 : 1 + MOST_OTHERS]:
        describe = f"1 when this {other.kind} was not seen with the same {e} in 90 days"
        yield _window(e, f"new_{other.kind}", describe, "first_seen", other.column)
    if facts.place is not None:
        yield _window(e, "km", f"Kilometres from the last event of the same {e}", "travel_km", *facts.place)
        yield _window(e, "kmh", "Speed from there in km/h", "travel_speed", *facts.place)


def _windows_of_another(facts: Facts, entity: Entity) -> Iterable[FeatureGuess]:
    e = entity.kind
    yield from _counts(facts, e, ("24h",))
    yield _distinct(e, facts.entities[0])
    if facts.amount and entity.root in names.PLACES:
        yield _amount(facts, e, "mean", "7d")
        yield _amount(facts, e, "std", "7d")
    elif facts.amount:
        yield _amount(facts, e, "sum", "24h")


def _counts(facts: Facts, e: str, widths: Sequence[str]) -> Iterable[FeatureGuess]:
    for width in widths if facts.dated_only else ("1h", *widths):
        yield _window(
            e, f"count_{width}", f"Events of the same {e} in the {width} before", "count", width=width
        )


def _amount(facts: Facts, e: str, aggregate: str, width: str) -> FeatureGuess:
    describe = f"{_SAID[aggregate]} of {facts.amount} of the same {e} in the {width} before"
    return _window(e, f"amount_{aggregate}_{width}", describe, aggregate, facts.amount, width=width)


def _distinct(e: str, other: Entity) -> FeatureGuess:
    describe = f"Different keys of {other.kind} with the same {e} in the 24h before"
    return _window(e, f"distinct_{other.kind}_24h", describe, "distinct", other.column, width="24h")


def _window(e: str, name: str, describe: str, aggregate: str, *of: str, width: str = "") -> FeatureGuess:
    return FeatureGuess(f"{e}_{name}", describe, f"windows of the {e}", e, aggregate, of, width)


def _own_values(facts: Facts) -> Iterable[FeatureGuess]:
    """The event's own values: numbers, and whether a category is this or that."""
    for field in facts.fields:
        if field.learned and field.type is FieldType.CATEGORY:
            for value in field.values:
                name = f"{field.name}_is_{_NOT_IN_NAMES.sub('_', value.lower()).strip('_') or 'other'}"
                yield _written(name, f"{field.name} is {value}", f"{field.name} == {value!r}", ITSELF)
            if not field.values:
                yield FeatureGuess(f"{field.name}_code", field.name, ITSELF, category=field.name)
        elif field.learned:
            yield _written(f"{field.name}_value", field.name, field.name, ITSELF)


def _hours(facts: Facts) -> Iterable[FeatureGuess]:
    if facts.time:
        if not facts.dated_only:
            yield _written("hour_of_day", "Hour of the day", f"hour({facts.time})", ITSELF)
        yield _written("day_of_week", "Day of the week, Monday is 0", f"weekday({facts.time})", ITSELF)
    elif facts.counter is not None and (expression := hour_of(facts.counter)):
        since = "1970 UTC" if facts.counter.since_1970 else "the start of the file"
        yield _written("hour_of_day", f"Hour of the day, counted from {since}", expression, ITSELF)


def hour_of(counter: Counter) -> str:
    """The expression for the hour of a day counted in seconds, hours and the like; nothing for days."""
    hours = int(HOUR_US / counter.unit_us)
    if not hours:
        return ""
    return f"{counter.column} % 24" if hours == 1 else f"{counter.column} // {hours} % 24"


def _comparisons(facts: Facts) -> Iterable[FeatureGuess]:
    amount, e = facts.amount, facts.main
    if not amount:
        return
    for field in facts.fields:
        if field.type is FieldType.MONEY and field.learned and names.speaks_of(field.name, {"balance"}):
            name, describe = f"amount_share_of_{field.name}", f"{amount} against {field.name}"
            yield _written(name, describe, f"{amount} / {field.name}")
    if not e:
        return
    mean, spread, most = (f"{e}_amount_{which}_30d" for which in ("mean", "std", "max"))
    yield _written(f"amount_vs_{e}_mean", f"{amount} against the mean of the same {e}", f"{amount} / {mean}")
    yield _written(
        f"amount_vs_{e}_max", f"{amount} against the largest of the same {e}", f"{amount} / {most}"
    )
    zscore = f"({amount} - {mean}) / max({spread}, 1) if {e}_count_30d >= {SEASONED} else 0"
    yield _written(
        f"amount_{e}_zscore", f"{amount} in standard deviations from the mean of the same {e}", zscore
    )
    for other in facts.entities[1:MOST_ENTITIES]:
        if other.root in names.PLACES:
            describe = f"{amount} against the mean at the same {other.kind}"
            yield _written(
                f"amount_vs_{other.kind}_mean", describe, f"{amount} / {other.kind}_amount_mean_7d"
            )


def _written(name: str, describe: str, expression: str, group: str = USUAL) -> FeatureGuess:
    return FeatureGuess(name, describe, group, expression=expression)


def _name_each(
    made: Sequence[FeatureGuess], taken: set[str]
) -> tuple[tuple[FeatureGuess, ...], dict[str, str]]:
    """Each name a name, and once; comparisons follow the windows whose names had to change."""
    changed: dict[str, str] = {}
    kept: list[FeatureGuess] = []
    for feature in made:
        meant = feature.name if is_name(feature.name) else f"f_{feature.name}"  # _ makes __value
        name, at = meant, 2
        while name in taken:
            name, at = f"{meant}_{at}", at + 1
        taken.add(name)
        if name != feature.name:
            changed[feature.name] = name
        expression = follow(feature.expression, changed) if feature.group == USUAL else feature.expression
        kept.append(replace(feature, name=name, expression=expression))
    return tuple(kept), changed


def follow(text: str, changed: Mapping[str, str]) -> str:
    """A text that speaks of features, with the names they got."""
    for old, new in changed.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text
