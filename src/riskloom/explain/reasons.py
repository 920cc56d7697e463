"""Reasons in words: a code with its values becomes the sentence its rule had when the decision was made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from riskloom.domain.decision import MODEL_REASON
from riskloom.rules.rule_set import BASE_CURRENCY, PLACEHOLDER


class ReasonTexts:
    """The sentences of one bundle.

    Parameters
    ----------
    rules
        The bundle's rules as plain data: each with `code` and `message`.
    base_currency
        What `{base_currency}` stands for.
    describe
        Feature names to what they mean, for the model's own reason.
    """

    def __init__(
        self, rules: Sequence[Mapping[str, Any]], base_currency: str, describe: Mapping[str, str]
    ) -> None:
        self._messages = {str(rule["code"]): str(rule["message"]) for rule in rules}
        self._base_currency = base_currency
        self._describe = describe

    def sentence(self, code: str, values: Mapping[str, Any]) -> str:
        """The sentence of a reason; the bare code where the bundle no longer knows it."""
        if code == MODEL_REASON:
            return self._of_model(values)
        message = self._messages.get(code)
        if message is None:
            return code.replace("_", " ").capitalize()
        known = {BASE_CURRENCY: self._base_currency, **values}
        return PLACEHOLDER.sub(lambda match: show_value(known.get(match[1]), match[2] or ""), message)

    def _of_model(self, values: Mapping[str, Any]) -> str:
        facts = [
            f"{self._describe.get(name) or name.replace('_', ' ')}: {show_value(value)}"
            for name, value in values.items()
            if name not in ("value", "usual")
        ]
        risk = values.get("value")
        share = f"{risk:.2f}".rstrip("0").rstrip(".") if isinstance(risk, (int, float)) else "?"
        sentence = f"Unusual as a whole: more suspicious than {share} % of the training reference"
        return f"{sentence}. Farthest from usual: {'; '.join(facts)}" if facts else sentence


def show_value(value: object, form: str = "") -> str:
    """A value as people read it: whole numbers whole, large ones with thousands marks, others to two digits.

    `form` percent shows a share as such, clock shows an hour of the day as HH:MM.
    """
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
