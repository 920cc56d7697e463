"""What both compilers settle first: which inputs are read, and whether the names fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from riskloom.errors import ExpressionInvalid, Fault, nearest
from riskloom.expression.check import Expression
from riskloom.expression.tree import Name, Type, walk


def plan_inputs(expressions: Mapping[str, Expression], inputs: Iterable[str]) -> dict[str, Type]:
    """The inputs that are read at all, with their types, in the order of `inputs`.

    Raises
    ------
    ExpressionInvalid
        When a name is neither an input nor an earlier expression, is both, is read with two types, or was
        checked with another type than the earlier expression has.
    """
    known = list(inputs)
    faults = [
        Fault(f"expression {name!r}", "a name no input has") for name in expressions if name in set(known)
    ]
    read: dict[str, Type] = {}
    earlier: dict[str, Type] = {}
    for name, expression in expressions.items():
        for node in walk(expression.tree):
            if not isinstance(node, Name):
                continue
            wanted = earlier.get(node.name)
            if wanted is None and node.name in known:
                wanted = read.setdefault(node.name, node.type)
            if wanted is None:
                hint = nearest(node.name, [*known, *earlier])
                expected = "an input or an earlier expression"
                faults.append(
                    Fault(f"expression {name!r}, {node.span.where}", expected, node.span.quote, hint)
                )
            elif wanted is not node.type:
                expected = f"{node.name!r} to be a {wanted} as elsewhere"
                faults.append(Fault(f"expression {name!r}, {node.span.where}", expected, f"a {node.type}"))
        earlier[name] = expression.type
    if faults:
        raise ExpressionInvalid(faults)
    return {name: read[name] for name in known if name in read}
