"""Reads a text into a tree: Python's own parser, then a whitelist of what the language has."""

from __future__ import annotations

import ast
import io
import math
import tokenize
import warnings

from riskloom.errors import ExpressionInvalid, Fault, show
from riskloom.expression.tree import (
    Arithmetic,
    Broken,
    Call,
    Choose,
    Compare,
    Constant,
    InList,
    Logic,
    Member,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    Power,
    Span,
    Type,
    membership,
)

MAX_LENGTH = 2_000
"""Characters of an expression."""
MAX_DEPTH = 40
"""Nodes inside one another."""
MAX_NODES = 400
"""Nodes of an expression, each choice of an `in (...)` counted."""
MAX_TEXT = 200
"""Characters of a text written in an expression."""
MAX_EXPONENT = 16.0
"""Largest absolute exponent of `**`."""

_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_HINTS: dict[type[ast.AST], str] = {
    ast.Attribute: "use the plain name of a field or feature",
    ast.Subscript: "use the plain name of a field or feature",
    ast.NamedExpr: "compare with ==",
    ast.JoinedStr: "write a plain text without the f",
    ast.Tuple: "a list of choices stands behind `in` only",
    ast.List: "a list of choices stands behind `in` only",
    ast.Set: "a list of choices stands behind `in` only",
    ast.BitAnd: "write `and`",
    ast.BitOr: "write `or`",
    ast.Invert: "write `not`",
    ast.BitXor: "a power is written **",
    ast.MatMult: "a list stands behind `in`, as in `user_id in @trusted`",
}
_WRITTEN_ELSEWHERE = {
    "&&": "write `and`",
    "||": "write `or`",
    "!": "write `not`",
    "=": "equality is written ==",
    "<>": "inequality is written !=",
    "?": "a choice is written `a if condition else b`",
}


class _TooLarge(Exception):
    """The tree is deeper or larger than the language allows; reading stops."""


def parse(text: str) -> Node:
    """Read one expression.

    Line breaks count as spaces. The tree is not typed yet: names and functions are looked up by `check`.

    Raises
    ------
    ExpressionInvalid
        With every fault that can be seen in the text, each at its column.
    """
    node, faults = read(text)
    if faults:
        raise ExpressionInvalid(faults)
    return node


def read(text: str) -> tuple[Node, list[Fault]]:
    """Read one expression as far as possible: the tree, `Broken` at each fault, and the faults."""
    whole = Span(text, 0, len(text))
    fault = _refuse_text(text)
    if fault is not None:
        return Broken(whole), [fault]
    flat = text.translate({ord(c): " " for c in "\r\n\t\f"})
    start = len(flat) - len(flat.lstrip(" "))
    source, lists = _take_lists(flat.strip(" "))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        return Broken(whole), [_syntax_fault(text, source, start, error)]
    except (ValueError, RecursionError, MemoryError):
        return Broken(whole), [Fault("column 1", "an expression that can be read", show(text))]
    reader = _Reader(text, source, start, lists)
    reader.refuse_tokens()
    try:
        node = reader.read(body, 1)
    except _TooLarge:
        node = Broken(whole)
    return node, reader.faults


def _refuse_text(text: str) -> Fault | None:
    if len(text) > MAX_LENGTH:
        return Fault("column 1", f"at most {MAX_LENGTH} characters", f"{len(text)} characters")
    if not text.strip():
        return Fault("column 1", "an expression", "nothing")
    for at, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            return Fault(f"column {at + 1}", "readable characters", show(character))
    return None


def _take_lists(source: str) -> tuple[str, frozenset[int]]:
    """The source with `@` of every `in @list` made a letter that Python can read, and where these were."""
    if "@" not in source:
        return source, frozenset()
    found: list[int] = []
    tokens: list[tokenize.TokenInfo] = []
    try:
        tokens += tokenize.generate_tokens(io.StringIO(source).readline)
    except (tokenize.TokenError, SyntaxError):
        return source, frozenset()  # Python's parser says what is wrong
    for before, sign, name in zip(tokens, tokens[1:], tokens[2:], strict=False):
        beside = sign.end == name.start and name.type == tokenize.NAME
        if sign.string == "@" and before.string == "in" and beside:
            found.append(sign.start[1])
    letters = list(source)
    for at in found:
        letters[at] = "_"
    return "".join(letters), frozenset(found)


def _syntax_fault(text: str, source: str, start: int, error: SyntaxError) -> Fault:
    """Python's complaint, at its column, with a hint for what other languages write."""
    at = min(error.offset - 1 if error.offset else len(source), len(source))
    near = source[max(at - 1, 0) : at + 2]
    hint = next((hint for sign, hint in _WRITTEN_ELSEWHERE.items() if sign in near), "")
    return Fault(f"column {start + at + 1}", "an expression", f"{show(text, 124)} ({error.msg})", hint)


class _Reader:
    """Turns Python's tree into ours and collects what does not belong to the language."""

    def __init__(self, text: str, source: str, start: int, lists: frozenset[int]) -> None:
        self.text = text
        self.source = source
        self.start = start
        self.lists = frozenset(start + at for at in lists)
        """Where in the text each `@` of a list stands."""
        self.encoded = None if source.isascii() else source.encode()
        self.faults: list[Fault] = []
        self.nodes = 0

    def refuse_tokens(self) -> None:
        """Refuse comments, and two texts with nothing between them: a forgotten comma."""
        before = -1
        for token in tokenize.generate_tokens(io.StringIO(self.source).readline):
            place = Span(self.text, self.start + token.start[1], self.start + token.end[1])
            if token.type == tokenize.COMMENT:
                self.fault(place, "no comment", "say it beside the expression")
            elif token.type == tokenize.STRING and before == tokenize.STRING:
                self.fault(place, "a comma or an operator between two texts")
            before = token.type

    def fault(self, span: Span, expected: str, hint: str = "") -> Node:
        self.faults.append(Fault(span.where, expected, span.quote, hint))
        return Broken(span)

    def span(self, node: ast.expr) -> Span:
        first, last = node.col_offset, node.end_col_offset or node.col_offset
        if self.encoded is not None:
            first = len(self.encoded[:first].decode())
            last = len(self.encoded[:last].decode())
        return Span(self.text, self.start + first, self.start + last)

    def count(self, depth: int, span: Span) -> None:
        self.nodes += 1
        if depth > MAX_DEPTH:
            self.fault(span, f"at most {MAX_DEPTH} levels of nesting", "give a part its own name")
            raise _TooLarge
        if self.nodes > MAX_NODES:
            self.fault(span, f"at most {MAX_NODES} parts", "give a part its own name")
            raise _TooLarge

    def read(self, node: ast.expr, depth: int) -> Node:
        span = self.span(node)
        self.count(depth, span)
        match node:
            case ast.Constant():
                return self.constant(node, span)
            case ast.Name() if span.start in self.lists:
                return self.fault(span, "`in @list` on its own", "join it with `and`, `or`, `not`")
            case ast.Name(id=name):
                return Name(span, name)
            case ast.UnaryOp():
                return self.unary(node, span, depth)
            case ast.BinOp(op=ast.Pow()):
                return self.power(node, span, depth)
            case ast.BinOp(op=operator) if type(operator) in _ARITHMETIC:
                left, right = self.read(node.left, depth + 1), self.read(node.right, depth + 1)
                return Arithmetic(span, _ARITHMETIC[type(operator)], left, right, type=Type.NUMBER)
            case ast.BoolOp():
                sign = "and" if isinstance(node.op, ast.And) else "or"
                items = tuple(self.read(value, depth + 1) for value in node.values)
                return Logic(span, sign, items, type=Type.BOOLEAN)
            case ast.Compare():
                return self.compare(node, span, depth)
            case ast.IfExp():
                condition = self.read(node.test, depth + 1)
                return Choose(
                    span, condition, self.read(node.body, depth + 1), self.read(node.orelse, depth + 1)
                )
            case ast.Call():
                return self.call(node, span, depth)
            case ast.BinOp(op=operator):
                return self.fault(span, "an operator of the language", _HINTS.get(type(operator), ""))
            case _:
                return self.fault(span, "a form of the language", _HINTS.get(type(node), ""))

    def constant(self, node: ast.Constant, span: Span) -> Node:
        value = node.value
        if isinstance(value, bool):
            return Constant(span, value, type=Type.BOOLEAN)
        if isinstance(value, int | float):
            return self.number(value, span)
        if isinstance(value, str):
            return self.string(value, span)
        if value is None:
            return self.fault(span, "a value", "None stands in `is None` and `is not None` only")
        return self.fault(span, "a number, a text, True or False")

    def number(self, value: int | float, span: Span) -> Node:
        if isinstance(value, int) and abs(value) > 2**53:
            return self.fault(span, "an integer up to 2**53")
        if not math.isfinite(value):
            return self.fault(span, "a finite number")
        return Constant(span, float(value), type=Type.NUMBER)

    def string(self, value: str, span: Span) -> Node:
        if len(value) > MAX_TEXT:
            return self.fault(span, f"a text of at most {MAX_TEXT} characters")
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
            return self.fault(span, "a text of readable characters")
        return Constant(span, value, type=Type.TEXT)

    def unary(self, node: ast.UnaryOp, span: Span, depth: int) -> Node:
        if isinstance(node.op, ast.Not):
            return Not(span, self.read(node.operand, depth + 1), type=Type.BOOLEAN)
        if not isinstance(node.op, ast.USub):
            return self.fault(span, "an operator of the language", _HINTS.get(type(node.op), "leave it out"))
        item = self.read(node.operand, depth + 1)
        if isinstance(item, Constant) and item.type is Type.NUMBER:
            return Constant(span, -float(item.value), type=Type.NUMBER)
        return Negative(span, item, type=Type.NUMBER)

    def power(self, node: ast.BinOp, span: Span, depth: int) -> Node:
        base, exponent = self.read(node.left, depth + 1), self.read(node.right, depth + 1)
        if isinstance(exponent, Broken):
            return exponent
        if not isinstance(exponent, Constant) or exponent.type is not Type.NUMBER:
            return self.fault(exponent.span, "a number written as the exponent")
        if abs(float(exponent.value)) > MAX_EXPONENT:
            return self.fault(exponent.span, f"an exponent from -{MAX_EXPONENT:g} to {MAX_EXPONENT:g}")
        return Power(span, base, float(exponent.value), type=Type.NUMBER)

    def compare(self, node: ast.Compare, span: Span, depth: int) -> Node:
        first = node.ops[0]
        if len(node.ops) == 1 and isinstance(first, ast.In | ast.NotIn):
            return self.member(node, span, depth)
        if len(node.ops) == 1 and isinstance(first, ast.Is | ast.IsNot):
            item, other = self.read(node.left, depth + 1), node.comparators[0]
            if not (isinstance(other, ast.Constant) and other.value is None):
                return self.fault(self.span(other), "None behind `is`", "compare with ==")
            return Missing(span, item, isinstance(first, ast.IsNot), type=Type.BOOLEAN)
        if not all(type(operator) in _COMPARE for operator in node.ops):
            return self.fault(span, "`in` and `is` on their own, not in a chain", "join them with `and`")
        operands: list[Node] = []
        for operand in (node.left, *node.comparators):
            if isinstance(operand, ast.Constant) and operand.value is None:
                operands.append(self.fault(self.span(operand), "a value", "write `is None` or `is not None`"))
            else:
                operands.append(self.read(operand, depth + 1))
        operators = tuple(_COMPARE[type(operator)] for operator in node.ops)
        return Compare(span, tuple(operands), operators, type=Type.BOOLEAN)

    def member(self, node: ast.Compare, span: Span, depth: int) -> Node:
        item, behind = self.read(node.left, depth + 1), node.comparators[0]
        place = self.span(behind)
        if isinstance(behind, ast.Name) and place.start in self.lists:
            self.count(depth + 1, place)
            return self.in_list(item, place, span, isinstance(node.ops[0], ast.NotIn))
        if not isinstance(behind, ast.Tuple | ast.List | ast.Set):
            hint = "one choice is written ('a',); a part of a text is found by contains(text, part)"
            return self.fault(place, "a list of choices behind `in`", hint)
        if not behind.elts:
            return self.fault(place, "at least one choice behind `in`")
        read = [self.read(element, depth + 1) for element in behind.elts]
        constants = [element for element in read if isinstance(element, Constant)]
        for element in read:
            if not isinstance(element, Constant | Broken) or element.type is Type.BOOLEAN:
                self.fault(element.span, "a number or a text as a choice")
        values = tuple(element.value for element in constants)
        negated = isinstance(node.ops[0], ast.NotIn)
        if len(constants) != len(read):
            return Broken(span)
        texts = tuple(value for value in values if isinstance(value, str))
        numbers = tuple(value for value in values if isinstance(value, float))
        if texts and numbers:
            return self.fault(place, "choices of one type")
        return Member(span, item, texts or numbers, negated, type=Type.BOOLEAN)

    def in_list(self, item: Node, place: Span, span: Span, negated: bool) -> Node:
        if isinstance(item, Broken):
            return item
        if not isinstance(item, Name) or isinstance(item, InList):
            return self.fault(item.span, "a field before `in @list`")
        name = self.text[place.start + 1 : place.end]
        found = InList(span, membership(item.name, name), item, name, place, type=Type.BOOLEAN)
        return Not(span, found, type=Type.BOOLEAN) if negated else found

    def call(self, node: ast.Call, span: Span, depth: int) -> Node:
        if not isinstance(node.func, ast.Name):
            return self.fault(self.span(node.func), "the name of a function")
        for keyword in node.keywords:
            self.fault(self.span(keyword.value), "arguments without names")
        arguments = tuple(self.read(argument, depth + 1) for argument in node.args)
        return Call(span, node.func.id, arguments)
