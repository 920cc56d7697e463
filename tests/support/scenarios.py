"""A scenario small enough to be read at a glance."""

from __future__ import annotations

SMALL = """\
scenario: small
event:
  fields:
    event_id: {type: string}
    timestamp: {type: time}
    user_id: {type: string, entity: user}
    amount: {type: money, currency_field: currency}
    currency: {type: category}
features:
  - {name: spend_1h, entity: user, aggregate: sum, of: amount, window: 1h}
  - {name: ratio, expression: amount / spend_1h}
rules:
  - code: SPEND
    when: spend_1h > 100
    message: "{value} spent"
    value: spend_1h
    evidence: spend_1h
    examples:
      - hit: {spend_1h: 101}
      - miss: {spend_1h: 100}
rates:
  base: USD
  rates:
    - {date: 2024-01-01, EUR: 1.1}
"""
