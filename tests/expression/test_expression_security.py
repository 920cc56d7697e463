"""No text, however hostile, executes, hangs, or becomes code."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.errors import ExpressionInvalid
from riskloom.expression.check import check
from riskloom.expression.row import compile_row, write_source
from riskloom.expression.tree import Type

ESCAPES = [
    "__import__('os').system('id')",
    "().__class__.__bases__[0].__subclasses__()",
    "''.__class__.__mro__[1].__subclasses__()[40]('/etc/passwd').read()",
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Popen'][0]('id')",
    "(lambda: __import__('os'))()",
    "(lambda f: f(f))(lambda f: f(f))",
    "getattr(amount, '__class__')",
    "eval('1')",
    "exec('import os')",
    "compile('1', '', 'eval')",
    "open('/etc/passwd')",
    "globals()['__builtins__']",
    "vars()",
    "locals()",
    "dir()",
    "type(amount)",
    "breakpoint()",
    "input()",
    "help()",
    "print(1)",
    "setattr(amount, 'x', 1)",
    "amount.__class__",
    "amount.real",
    "abs.__self__",
    "abs.__globals__",
    "max.__call__(1, 2)",
    "lower.__func__",
    "f'{amount.__class__}'",
    "f'{__import__(\"os\")}'",
    "'{0.__class__}'.format(amount)",
    "'%s' % amount",
    "'a' * 1000000000",
    "country + 'a'",
    "9 ** 9 ** 9 ** 9",
    "10 ** 1000000",
    "1 << 100000",
    "(x := 5)",
    "[x for x in (1, 2)]",
    "{x: 1 for x in (1,)}",
    "(x for x in (1,))",
    "{'a': 1}['a']",
    "[1, 2][0]",
    "country[0]",
    "country[::-1]",
    "*amount",
    "max(*[1, 2])",
    "max(**{'a': 1})",
    "await amount",
    "yield",
    "(yield 1)",
    "async",
    "import os",
    "del amount",
    "lambda: 1",
    "raise",
    "1; import os",
    "1\nimport os",
    "1) or __import__('os').system('id') or (1",
    "N",
    "x0",
    "e0",
    "k0",
    "f0(1)",
    "v[0]",
    "row",
    "__builtins__",
    "__debug__",
    "__name__",
    "amount if (yield) else 1",
    "not" * 400,
    "-" * 1990 + "1",
    "~" * 1990 + "1",
    "not " * 490 + "True",
    "(" * 999 + ")" * 999,
    "[" * 199 + "]" * 199,
    "1 if 1 else " * 160 + "1",
    "lambda:" * 280 + "1",
    "1" + "+1" * 990,
    "1" + "<1" * 990,
    "a." * 900 + "a",
    "a" + "[0]" * 600,
    "a" + "()" * 900,
    "'" * 1999,
    "\\" * 1999,
    "\N{FULLWIDTH LATIN SMALL LETTER A}.__class__",
    "ﬁ.__class__",
    "amount\N{RIGHT-TO-LEFT OVERRIDE} > 5",
    "amount >\N{NO-BREAK SPACE}5",
    "\N{ZERO WIDTH SPACE}amount",
    "\ufeffamount.x",
    "#",
    "'''a''' '''b'''",
    "match(country, '(a+)+$')",
    "country ~ '(a+)+$'",
    "1_0_0__0",
    "0x" + "f" * 500,
    "9" * 1999,
    "1e" + "9" * 100,
    "0777",
    "amount @ amount",
    "country in @__builtins__",
    "country in @red.__class__",
    "country in @red[0]",
    "country in @red()",
    "country in @(lambda: 1)()",
    "country in @{amount.__class__}",
    "@red",
    "country in @red in @red",
    "country in @red @ red",
    "country in @1",
    "country in @'red'",
    "_red",
    "country in _red",
    "().__class__ in @red",
    "f'{amount}' in @red",
    "country in @red\n@red",
    "country in @" + "a" * 1980,
    "country in @red or " * 100 + "x",
    "[[country in @red]]",
    "(country := 'a') in @red",
    "print",
    "True.__class__",
    "None",
    "...",
    "b''",
    "1j",
]

TYPES = {"amount": Type.NUMBER, "country": Type.TEXT, "is_new": Type.BOOLEAN, "timestamp": Type.TIME}
LISTS = {"red": ("country",)}
INPUTS = [*TYPES, "country in @red"]
EVENT = [100.0, "DE", True, 1.7e15, True]

# All that generated code may consist of: our words, numbers by repr, and names of one letter and a number.
TOKEN = re.compile(
    r"def row\(v\):|    |if|else|and|or|not|in|is|return|None|True|False|N|v\[\d+\]|[xetkfz]\d+"
    r"|\d+\.\d+(e[+-]?\d+)?|\d+(e[+-]\d+)|0|1|:=|==|!=|<=|>=|//|[-+*/%<>=(),: \n]"
)


@pytest.mark.parametrize("text", ESCAPES)
def test_a_known_escape_is_refused_quickly(text):
    begun = time.perf_counter()
    with pytest.raises(ExpressionInvalid):
        check(text, TYPES, lists=LISTS)
    assert time.perf_counter() - begun < 1.0


def consists_of_our_words(source: str) -> bool:
    at = 0
    while at < len(source):
        match = TOKEN.match(source, at)
        if match is None:
            return False
        at = match.end()
    return True


def test_names_and_texts_of_the_author_never_reach_the_code():
    types = {"__import__": Type.NUMBER, "os": Type.TEXT, "N": Type.NUMBER, "v": Type.NUMBER}
    expressions = {
        "row": check("__import__ > N and os == 'x0); import os' and v < 1e-7", types),
        "e0": check("os in ('__class__', \"'''\") or not os != 'k0'", types),
    }
    source, bound = write_source(expressions, list(types))
    assert consists_of_our_words(source)
    assert "import" not in source
    assert {name[0] for name in bound} <= set("Nkfz")
    assert compile_row(expressions, list(types))([3.0, "x0); import os", 2.0, 0.0]) == (True, False)


def test_the_code_runs_without_builtins():
    row = compile_row({"it": check("amount > 5", TYPES)}, list(TYPES))
    assert row.__globals__["__builtins__"] == {}


WORDS = (
    "amount country is_new timestamp __class__ x0 1 0 1e308 'a' None True ( ) [ ] { } , . : := + - * ** / "
    "// % < == != in not and or if else is lambda for abs max coalesce hour lower contains f'{ }' # @ ~ "
    "\\ ; = await yield é ' @red @red @_red in "
)
PIECES = st.sampled_from([*WORDS.split(), "\n", "\0", "\ud800"])


@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=60))
def test_any_text_is_refused_with_faults_or_compiles_to_our_words_and_runs(text):
    try:
        expression = check(text, TYPES, lists=LISTS)
    except ExpressionInvalid as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert refused.faults
        assert all(re.fullmatch(r"column \d+", fault.where) for fault in refused.faults)
        assert str(refused)
        return
    source, _ = write_source({"it": expression}, INPUTS)
    assert consists_of_our_words(source)
    compile_row({"it": expression}, INPUTS)(EVENT)


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(["contains(country, 'aaaaaaaaaaaaaaaaaaaaab')"] * 40),
        "+".join(["exp(amount)"] * 38),
        " == ".join(["is_new"] * 200),
        "(" * 38 + "amount" + " ** 16)" * 38,
        "max(" + ", ".join(["amount"] * 240) + ") > 1",
    ],
)
def test_the_costliest_texts_stay_cheap(text):
    begun = time.perf_counter()
    row = compile_row({"it": check(text, TYPES)}, list(TYPES))
    row([3.0, "a" * 10_000, True, 0.0])
    assert time.perf_counter() - begun < 1.0
