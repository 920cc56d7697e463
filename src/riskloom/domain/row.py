"""What the state and the expressions see of one event, by one function written for a scenario's fields.

Names of fields enter the source as quoted text alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from riskloom.domain.field import Field, FieldType

NAN = float("nan")
See = Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[object]]]
"""An event's values -> (the columns of the state, the values of expressions in the order of the fields)."""


def conversion(field: Field, name: str) -> str:
    """Code for the value of a field as expressions see it: major units, missing numbers as NaN (`N`).

    `name` is the local variable of what is held inside.
    """
    if field.type.is_text or field.type is FieldType.BOOLEAN:
        return name
    scale = 60 if field.type is FieldType.CLOCK else field.scale
    number = f"float({name})" if scale == 1 else f"{name} / {scale}"
    return f"N if {name} is None else {number}"


def converter(field: Field) -> Callable[[Any], object]:
    """The function of `conversion`."""
    made: Callable[[Any], object] = eval(f"lambda x: {conversion(field, 'x')}", {"N": NAN})  # noqa: S307
    return made


def compile_see(
    fields: Sequence[Field],
    columns: Sequence[str],
    *,
    personal: frozenset[str],
    key_of: Callable[[str, str], str],
    derived: Sequence[tuple[Field, Callable[[Any], Any]]],
    derive: Callable[[tuple[object, ...]], Sequence[object]],
    reads: Sequence[str],
) -> See:
    """Write the function.

    Parameters
    ----------
    fields
        The declared fields, in order.
    columns
        The fields and derived columns that the state holds.
    personal
        The fields whose texts are replaced by `key_of(name, text)`.
    derived
        The derived columns, each with what makes of its value what is held inside.
    derive
        From the values of the fields named in `reads` to the derived values.
    """
    names: dict[str, Any] = {"N": NAN, "key_of": key_of, "derive": derive}
    held = {field.name: f"x{at}" for at, field in enumerate(fields)}
    shown = {field.name: f"y{at}" for at, field in enumerate(fields)}
    lines = [f"{held[field.name]} = values[{field.name!r}]" for field in fields]
    for field in fields:
        name = held[field.name]
        if field.name in personal and field.type.is_text:
            lines.append(f"if {name} is not None: {name} = key_of({field.name!r}, {name})")
        lines.append(f"{shown[field.name]} = {conversion(field, name)}")
    if derived:
        given = "".join(f"{shown[name]}, " for name in reads)
        lines.append(f"{''.join(f'z{at}, ' for at in range(len(derived)))} = derive(({given}))")
    for at, (field, hold) in enumerate(derived):
        names[f"hold{at}"] = hold
        held[field.name], shown[field.name] = f"d{at}", f"e{at}"
        lines += [f"d{at} = hold{at}(z{at})", f"e{at} = {conversion(field, f'd{at}')}"]
    state = ", ".join(f"{name!r}: {held[name]}" for name in columns)
    lines.append(f"return {{{state}}}, [{', '.join(shown.values())}]")
    source = "\n".join(["def see(values):", *(f"    {line}" for line in lines)])
    exec(compile(source, "<riskloom row>", "exec"), names)  # noqa: S102 - our own words and quoted names
    see: See = names["see"]
    return see
