"""What lists hold of a value: the key for a personal field, the value itself for any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from riskloom.domain.read import reader
from riskloom.errors import NotFound, nearest, show
from riskloom.privacy import protect
from riskloom.rules.lists import Change, Entry, Lists, ListSpec
from riskloom.scenario.scenario import Scenario


def find_list(scenario: Scenario, name: str) -> ListSpec:
    """A declared list.

    Raises
    ------
    NotFound
        When there is none of that name; names the nearest.
    """
    known = {spec.name: spec for spec in scenario.lists}
    if name not in known:
        raise NotFound(f"No list {show(name)} in {scenario.name}.", hint=nearest(name, known))
    return known[name]


def value_reader(scenario: Scenario, spec: ListSpec) -> Callable[[object], str]:
    """What reads a value of a list as events hold it: as its first field is read.

    The function raises FieldFault for what is no value of that field.
    """
    fields = {field.name: field for field in scenario.all_fields}
    return reader(fields[spec.of[0]])


def keys_of(scenario: Scenario, spec: ListSpec, value: str) -> tuple[str, ...]:
    """Under which keys the list holds a value, one for each way its fields are protected."""
    personal = {field.name for field in scenario.fields if field.pii}
    keys = (protect.key_of(name, value) if name in personal else value for name in spec.of)
    return tuple(dict.fromkeys(keys))


def changes_of(
    scenario: Scenario, spec: ListSpec, entry: Entry, *, after: int, added: bool = True
) -> Iterator[Change]:
    """The changes that put a value on a list, or take it off."""
    for key in keys_of(scenario, spec, entry.value):
        yield Change(spec.name, key, after, added, entry.from_us, entry.until_us, entry.reason, entry.author)


def initial_changes(scenario: Scenario) -> tuple[Change, ...]:
    """What is on the scenario's lists from the beginning."""
    return tuple(
        change
        for spec in scenario.lists
        for entry in spec.entries
        for change in changes_of(scenario, spec, entry, after=0)
    )


def initial_lists(scenario: Scenario) -> Lists:
    """The lists as the scenario declares them: what a bundle scored by itself asks."""
    return Lists(initial_changes(scenario))
