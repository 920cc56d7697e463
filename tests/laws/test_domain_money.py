"""Money against the decimal and fractions modules of the standard library."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from riskloom.domain.duration import DAY_US
from riskloom.domain.event import EventSchema, decode_json
from riskloom.domain.field import INTEGER_LIMIT, Field, FieldType
from riskloom.domain.money import (
    RateTable,
    divide_half_even,
    exponent,
    parse_decimal,
    parse_rates,
    scale_decimal,
)
from riskloom.errors import EventInvalid, ScenarioInvalid

EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
CURRENCIES = ("USD", "EUR", "JPY", "KWD", "CLF")

digits = st.text("0123456789", max_size=30)
fractions = st.one_of(st.none(), digits, st.sampled_from(["5", "50", "005", "4999999", "5000001", "05" * 15]))


@st.composite
def decimal_texts(draw: st.DrawFn) -> str:
    """Every form that JSON, CSV and people write, halves and the ends of ranges among them."""
    whole, fraction = draw(digits), draw(fractions)
    if not whole and not fraction:
        whole = "0"
    sign = draw(st.sampled_from(["", "-", "+"]))
    power = draw(st.one_of(st.just(""), st.integers(-30, 30).map(lambda n: f"e{n}"), st.just("E+2")))
    return f"{sign}{whole}{'' if fraction is None else '.' + fraction}{power}"


@given(decimal_texts())
@example("-0.0")
@example("0." + "0" * 29 + "1e-30")
@example("9" * 90 + "e60")
def test_a_decimal_text_is_read_exactly(text: str) -> None:
    number, scale = parse_decimal(text)
    assert Fraction(number, 10**scale) == Fraction(Decimal(text))


@given(decimal_texts(), st.integers(0, 12))
@example("0.5", 0)
@example("1.5", 0)
@example("2.5", 0)
@example("-2.5", 0)
@example("1.0005", 3)
@example("1.00050000000000000000000000001", 3)
def test_scaling_rounds_half_to_even(text: str, decimals: int) -> None:
    expected = Decimal(text).scaleb(decimals, EXACT).to_integral_value(ROUND_HALF_EVEN, EXACT)
    assert scale_decimal(text, decimals) == int(expected)


@given(st.integers(-(10**40), 10**40), st.integers(1, 10**20))
@example(5, 2)
@example(-5, 2)
@example(7, 2)
@example(-7, 2)
def test_division_rounds_half_to_even(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    "text",
    ["", ".", "-", "+.", "e5", "1e", "1,5", "1.2.3", " 1", "1 ", "1\n", "0x1", "nan", "inf", "1_0", "1e1000"],
)
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a decimal|out of range"):
        parse_decimal(text)


@pytest.mark.parametrize("text", ["1" * 91, "0." + "1" * 91, "1e91", "1e-91", "1e999", "1e-999"])
def test_more_digits_than_any_amount_has_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a decimal|out of range"):
        parse_decimal(text)


rates = st.decimals(min_value="0.000000001", max_value="1000000", places=9).map(lambda rate: f"{rate:f}")
days = st.integers(-3000, 60_000)


@st.composite
def rate_tables(draw: st.DrawFn) -> RateTable:
    """Tables with several dates, each currency from a date of its own."""
    base = draw(st.sampled_from(CURRENCIES))
    others = [code for code in CURRENCIES if code != base]
    listed = {}
    for code in draw(st.lists(st.sampled_from(others), unique=True)):
        known = draw(st.dictionaries(days, rates, min_size=1, max_size=4))
        rows = []
        for day, rate in sorted(known.items()):
            number, scale = parse_decimal(rate)
            rows.append((day, number, scale))
        listed[code] = tuple(rows)
    return RateTable(base, dict(sorted(listed.items())))


@given(rate_tables())
def test_a_rate_table_comes_back_from_its_plain_data(table: RateTable) -> None:
    assert parse_rates(table.as_data()) == table


@given(st.sampled_from(["1e-30", "1e29", "0." + "0" * 29 + "7", "9" * 30, "0.5", "1E+3"]))
def test_a_rate_as_people_write_it_comes_back(rate: str) -> None:
    table = parse_rates({"base": "USD", "rates": [{"date": "2024-01-01", "EUR": rate}]})
    assert parse_rates(table.as_data()) == table
    _, number, scale = table.rows["EUR"][0]
    assert Fraction(number, 10**scale) == Fraction(Decimal(rate))


@given(rate_tables(), decimal_texts(), st.sampled_from(CURRENCIES), st.integers(-3000, 60_000))
def test_a_conversion_is_rounded_once_at_the_rate_of_its_day(
    table: RateTable, amount: str, currency: str, day: int
) -> None:
    time_us = day * DAY_US + DAY_US - 1
    if currency == table.base:
        rate = Fraction(1)
    elif currency not in table.rows:
        with pytest.raises(KeyError):
            table.convert(amount, currency, time_us)
        return
    else:
        known = [row for row in table.rows[currency] if row[0] <= day]
        if not known:
            with pytest.raises(LookupError):
                table.convert(amount, currency, time_us)
            return
        rate = Fraction(known[-1][1], 10 ** known[-1][2])
    exact = Fraction(Decimal(amount)) * rate * 10 ** exponent(table.base)
    assert table.convert(amount, currency, time_us) == round(exact)


def test_a_rate_holds_from_the_first_microsecond_of_its_day() -> None:
    table = parse_rates(
        {"base": "USD", "rates": [{"date": "2024-01-01", "EUR": 1}, {"date": "2024-01-02", "EUR": 2}]}
    )
    day_us = table.rows["EUR"][1][0] * DAY_US
    assert table.convert("1", "EUR", day_us - 1) == 100
    assert table.convert("1", "EUR", day_us) == 200


@pytest.mark.parametrize(
    ("rates", "where"),
    [
        ([{"date": "2024-01-01", "EUR": 0}], "rates.rates[0].EUR"),
        ([{"date": "2024-01-01", "EUR": -1}], "rates.rates[0].EUR"),
        ([{"date": "2024-01-01", "EUR": True}], "rates.rates[0].EUR"),
        ([{"date": "2024-01-01", "EUR": "1e-40"}], "rates.rates[0].EUR"),
        ([{"date": "2024-01-01", "EUR": "1e31"}], "rates.rates[0].EUR"),
        ([{"date": "2024-01-01", "euro": 1}], "rates.rates[0].euro"),
        ([{"date": "2024-02-30", "EUR": 1}], "rates.rates[0].date"),
        ([{"EUR": 1}], "rates.rates[0].date"),
        ([{"date": "2024-01-01", "EUR": 1}, {"date": "2024-01-01", "EUR": 2}], "rates.rates[1].EUR"),
        ([{"date": "2024-01-01", "USD": 2}], "rates.base"),
        (["2024"], "rates.rates[0]"),
        ("2024", "rates.rates"),
    ],
)
def test_a_wrong_rate_is_named(rates: object, where: str) -> None:
    with pytest.raises(ScenarioInvalid) as caught:
        parse_rates({"base": "USD", "rates": rates})
    assert [fault.where for fault in caught.value.faults] == [where]


@given(decimal_texts(), st.sampled_from(["USD", "EUR", "XXX"]))
def test_an_amount_is_held_in_minor_units_or_refused(text: str, currency: str) -> None:
    table = parse_rates({"base": "USD", "rates": [{"date": "1970-01-01", "EUR": "1.1"}]})
    schema = EventSchema(
        [
            Field("id", FieldType.STRING),
            Field("amount", FieldType.MONEY, currency_field="currency", decimals=2),
            Field("currency", FieldType.CATEGORY),
        ],
        id_field="id",
        time_field="",
        rates=table,
    )
    body = {"id": "e", "amount": text, "currency": currency}
    exact = Fraction(Decimal(text)) * (Fraction(11, 10) if currency == "EUR" else 1)
    minor = round(exact * 100)
    if currency == "XXX" or not 0 <= minor < INTEGER_LIMIT:
        with pytest.raises(EventInvalid) as caught:
            schema.parse_one(body, 0, make_id=str)
        assert caught.value.faults[0].where == ("currency" if currency == "XXX" else "amount")
        return
    event = schema.parse_one(body, 0, make_id=str)
    assert event.values["amount"] == minor
    sent = event.sent["amount"]
    assert sent is not None
    assert Fraction(Decimal(sent)) == Fraction(Decimal(text))
    again = schema.parse_one({**body, "amount": sent}, 0, make_id=str)
    assert schema.digest(again) == schema.digest(event)


def test_json_numbers_are_read_by_their_text() -> None:
    data = decode_json('{"amount": 0.1000000000000000055511151231257827}')
    assert isinstance(data, dict)
    assert str(data["amount"]) == "0.1000000000000000055511151231257827"
