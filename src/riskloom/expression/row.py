"""Compiles expressions into one Python function for one event.

The source is written from the typed tree alone (`source.py`): `x0` inputs, `e0` expressions, `t0`
temporaries, `k0` constants, `f0` functions, `z0` zones, numbers by `repr`. The function runs without
builtins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from riskloom.expression.check import Expression
from riskloom.expression.plan import plan_inputs
from riskloom.expression.source import Writer
from riskloom.expression.tree import Type

Row = Callable[[Sequence[object]], tuple[object, ...]]


def compile_row(
    expressions: Mapping[str, Expression], inputs: Sequence[str], *, conditions: bool = False
) -> Row:
    """One function that computes all `expressions`, in their order, for one event.

    Parameters
    ----------
    expressions : by name; one may use the name of an earlier one
    inputs : names of the values the function will be given
    conditions : give boolean expressions as met (True) or not met (False, also when unknown): faster

    Returns
    -------
    A function of one sequence aligned to `inputs` that gives one value for each expression. Numbers and times
    come and go as float (plain ones, not numpy's), NaN missing (an infinite one counts as missing); texts as
    str, None missing; booleans come as 1 or 0 of any type, anything else missing, and go as True, False or
    None. For such values it raises nothing and keeps nothing.

    Raises
    ------
    ExpressionInvalid
        When the names do not fit together; see `plan_inputs`.

    Examples
    --------
    >>> from riskloom.expression.check import check
    >>> rule = check("amount > 3 * mean", {"amount": Type.NUMBER, "mean": Type.NUMBER})
    >>> row = compile_row({"large": rule}, ["amount", "mean"])
    >>> row([90.0, 20.0]), row([90.0, float("nan")])
    ((True,), (None,))
    """
    source, bound = write_source(expressions, inputs, conditions=conditions)
    space: dict[str, object] = {**bound, "__builtins__": {}}
    # Not author's text: the source was written above, from the typed tree, out of our own words.
    exec(compile(source, "<riskloom expressions>", "exec"), space)  # noqa: S102
    return cast("Row", space["row"])


def compile_met(
    conditions: Sequence[Expression], inputs: Sequence[str]
) -> Callable[[Sequence[object]], list[int]]:
    """One function that gives the positions of the `conditions` that are met, for one event.

    Takes what `compile_row` takes. None of them can use another.

    Examples
    --------
    >>> from riskloom.expression.check import check
    >>> rules = [check(text, {"amount": Type.NUMBER}) for text in ("amount > 9", "amount < 9")]
    >>> met = compile_met(rules, ["amount"])
    >>> met([90.0]), met([float("nan")])
    ([0], [])
    """
    named = {f"condition {at}": condition for at, condition in enumerate(conditions)}
    names: dict[str, str] = {}
    writer = Writer(names)
    lines = ["def met(v):", *_inputs(named, inputs, names), "    found = []"]
    for at, condition in enumerate(conditions):
        writer.zone_name = condition.timezone
        lines.append(f"    if {writer.truth(condition.tree)}: found.append({at})")
    lines.append("    return found")
    space: dict[str, object] = {**writer.bound, "__builtins__": {}}
    # As above: no author's text.
    exec(compile("\n".join(lines), "<riskloom conditions>", "exec"), space)  # noqa: S102
    return cast("Callable[[Sequence[object]], list[int]]", space["met"])


def write_source(
    expressions: Mapping[str, Expression], inputs: Sequence[str], *, conditions: bool = False
) -> tuple[str, dict[str, object]]:
    """The source of the function and what its constant names are bound to; for reading and for tests."""
    names: dict[str, str] = {}
    writer = Writer(names)
    lines = ["def row(v):", *_inputs(expressions, inputs, names)]
    referred = {name for expression in expressions.values() for name in expression.names}
    results = []
    for at, (name, expression) in enumerate(expressions.items()):
        writer.zone_name = expression.timezone
        met = conditions and expression.type is Type.BOOLEAN
        code = writer.met(expression.tree) if met and name not in referred else writer.value(expression.tree)
        lines.append(f"    e{at} = {code}")
        names[name] = f"e{at}"
        results.append(f"e{at} is True" if met and name in referred else f"e{at}")
    lines.append(f"    return ({''.join(result + ', ' for result in results)})")
    return "\n".join(lines) + "\n", writer.bound


def _inputs(
    expressions: Mapping[str, Expression], inputs: Sequence[str], names: dict[str, str]
) -> Iterator[str]:
    """Lines that read the inputs into local variables, whose names are noted."""
    for name, kind in plan_inputs(expressions, inputs).items():
        local = names[name] = f"x{len(names)}"
        yield f"    {local} = v[{inputs.index(name)}]"
        if kind.is_numeric:
            yield f"    if {local} - {local} != 0.0: {local} = N"
