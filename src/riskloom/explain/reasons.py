"""Reasons in words: a code with its values becomes the sentence its rule had when the decision was made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from riskloom.domain.decision import CONTROL_REASON, MODEL_REASON
from riskloom.rules.rule_set import BASE_CURRENCY, PLACEHOLDER


class ReasonTexts:
    """The sentences of one bundle.

    Parameters
    ----------
    rules
        The bundle's rules, and lists that speak by themselves, as plain data: each with `code` and `message`.
    base_currency
        What `{base_currency}` stands for.
    describe
        Feature names to what they mean, for the model's own reason.
    """

    def __init__(
        self, rules: Sequence[Mapping[str, Any]], base_currency: str, describe: Mapping[str, str]
    ) -> None:
        self._base_currency = base_currency
        self._describe = describe
        self._messages = {str(rule["code"]): _parts(str(rule["message"])) for rule in rules}

    def sentence(self, code: str, values: Mapping[str, Any]) -> str:
        """The sentence of a reason; the bare code where the bundle no longer knows it."""
        if code == MODEL_REASON:
            return self._of_model(values)
        if code == CONTROL_REASON:
            return f"Let through by chance, to learn what it is: would have been {values.get('value')}"
        message = self._messages.get(code)
        if message is None:
            return code.replace("_", " ").capitalize()
        template, places = message
        if not places:
            return template
        get = values.get
        base = self._base_currency
        return template.format(
            *[show_value(get(name, base if name == BASE_CURRENCY else None), form) for name, form in places]
        )

    def _of_model(self, values: Mapping[str, Any]) -> str:
        facts = [
            f"{self._describe.get(name) or name.replace('_', ' ')}: {show_value(value)}"
            for name, value in values.items()
            if name not in ("value", "usual", "shadow")
        ]
        risk = values.get("value")
        share = f"{risk:.2f}".rstrip("0").rstrip(".") if isinstance(risk, (int, float)) else "?"
        sentence = f"Unusual as a whole: more suspicious than {share} % of the training reference"
        return f"{sentence}. Most of it: {'; '.join(facts)}" if facts else sentence


_Message = tuple[str, tuple[tuple[str, str], ...]]
"""A message with {} at its places, or as it is where it has none; and name and form of each place."""


def _parts(message: str) -> _Message:
    places = tuple((match[1], match[2] or "") for match in PLACEHOLDER.finditer(message))
    if not places:
        return message, ()
    texts = (text.replace("{", "{{").replace("}", "}}") for text in _texts(message))
    return "{}".join(texts), places


def _texts(message: str) -> Iterator[str]:
    """What stands before, between and behind the places."""
    at = 0
    for match in PLACEHOLDER.finditer(message):
        yield message[at : match.start()]
        at = match.end()
    yield message[at:]


def show_value(value: object, form: str = "") -> str:
    """A value as people read it: whole numbers whole, large ones with thousands marks, others to two digits.

    `form` percent shows a share as such, clock shows an hour of the day as HH:MM.
    """
    if type(value) is str:
        return value
    if value is None or value != value:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if form == "percent":
            return f"{value * 100:.3g} %"
        if form == "clock" and math.isfinite(value):
            minutes = int(value * 60) % 1440
            return f"{minutes // 60:02d}:{minutes % 60:02d}"
        if float(value).is_integer() or abs(value) >= 10_000:
            return f"{value:,.0f}"
        return f"{value:,.2f}"
    return str(value)
