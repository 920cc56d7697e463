"""Bytes of a JSON body straight to what an `Event` holds, by one function written for a scenario's fields.

It knows good bodies only. Whatever it does not expect, it leaves: it answers None, and
`EventSchema.parse_one` reads the body anew, to the same event or to every fault of it. Names of fields enter
the source as quoted text alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import msgspec

from riskloom.domain.field import INTEGER_LIMIT, Field, FieldType
from riskloom.domain.money import POWERS, exponent, plain_minor, shortest_decimal
from riskloom.domain.read import EPOCH, LATEST_US, TEXT_LIMIT, FieldFault, normal_ip, number_shape, read_clock

if TYPE_CHECKING:
    from riskloom.domain.event import EventSchema

BodyReader = Callable[[bytes, int, Callable[[], str]], Any]
"""(body, arrived_us, make_id) -> the event, or None where the body must be read the long way."""

IP_LIMIT = 64
_TEXT = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_LIMIT)]
_IP = Annotated[str, msgspec.Meta(max_length=IP_LIMIT)]
_DECLARED: dict[FieldType, Any] = {
    FieldType.STRING: _TEXT,
    FieldType.CATEGORY: _TEXT,
    FieldType.IP: _IP,
    FieldType.BOOLEAN: bool,
    FieldType.CLOCK: str,
    FieldType.TIME: str,
    FieldType.INTEGER: int,
}
_NOT_READ = (msgspec.DecodeError, UnicodeError, RecursionError, FieldFault, LookupError, ValueError)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A field and the local variable of its value."""

    field: Field
    local: str
    optional: bool


def compile_body_reader(schema: EventSchema, event: Callable[..., Any]) -> BodyReader:
    """The reader of a schema's bodies; `event` makes the event of (id, time, arrived, values, sent)."""
    made = {schema.id_field, schema.time_field}
    slots = [
        _Slot(field, f"x{at}", not field.required or field.name in made)
        for at, field in enumerate(schema.fields)
    ]
    read = [slot for slot in slots if slot.field.type is not FieldType.MONEY]
    money = [slot for slot in slots if slot.field.type is FieldType.MONEY]
    names: dict[str, Any] = {
        "decode": _decoder(slots).decode,
        "event": event,
        "errors": _NOT_READ,
        "parse": datetime.fromisoformat,
        "epoch": EPOCH,
        "powers": POWERS,
        "read_clock": read_clock,
        "normal_ip": normal_ip,
        "shortest": shortest_decimal,
        "plain_minor": plain_minor,
        "convert": schema.rates.convert,
    }
    lines = ["s = decode(body)", *(f"{slot.local} = s.{slot.local}" for slot in slots)]
    lines += _texts(read)
    for slot in read:
        lines += _guarded(slot, _reading(slot, names))
    lines += _time(schema, read)
    for slot in money:
        lines += _guarded(slot, _amount(slot, slots, schema))
    lines += _answer(schema, read, money)
    source = "\n".join(
        [
            "def read(body, arrived_us, make_id):",
            "    try:",
            *(f"        {line}" for line in lines),
            "    except errors:",
            "        return None",
        ]
    )
    exec(compile(source, "<riskloom body reader>", "exec"), names)  # noqa: S102 - our own words and quoted names
    reader: BodyReader = names["read"]
    return reader


def _decoder(slots: Sequence[_Slot]) -> msgspec.json.Decoder[Any]:
    """Numbers with a point come as bytes, to be told from text; whatever does not fit is refused."""
    listed: list[Any] = []
    for slot in slots:
        kind = int if _is_whole(slot.field) else _DECLARED.get(slot.field.type, Any)
        listed.append((slot.local, kind | None, None) if slot.optional else (slot.local, kind))
    shape = msgspec.defstruct(
        "Body",
        listed,
        rename={slot.local: slot.field.name for slot in slots},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )
    return msgspec.json.Decoder(shape, float_hook=str.encode)


def _is_whole(field: Field) -> bool:
    return field.type is FieldType.INTEGER or (field.type is FieldType.NUMBER and field.decimals == 0)


def _texts(read: Sequence[_Slot]) -> Iterator[str]:
    """All texts at once: control characters and halves of surrogates are not printable."""
    texts = [s.local for s in read if s.field.type in (FieldType.STRING, FieldType.CATEGORY)]
    if texts:
        together = "".join(f"{{{local}}}" for local in texts)
        yield f'if not f"{together}".isprintable(): return None'


def _guarded(slot: _Slot, lines: Sequence[str]) -> Iterator[str]:
    """The lines for a value that is there; without one nothing is read, or the body is left."""
    if not lines:
        return
    name = slot.local
    if slot.optional:
        yield f"if {name} is not None:"
        yield from (f"    {line}" for line in lines)
    else:
        if slot.field.type not in _DECLARED:  # else the decoder has refused null
            yield f"if {name} is None: return None"
        yield from lines


def _reading(slot: _Slot, names: dict[str, Any]) -> list[str]:
    """Lines that make of a value as decoded what is held inside."""
    field, name = slot.field, slot.local
    match field.type:
        case FieldType.STRING | FieldType.BOOLEAN:
            return []
        case FieldType.CATEGORY:
            if not field.values:
                return []
            names[f"allowed_{name}"] = frozenset(field.values)
            return [f"if {name} not in allowed_{name}: return None"]
        case FieldType.IP:
            return [f"{name} = normal_ip({name})"]
        case FieldType.CLOCK:
            return [f"{name} = read_clock({name})"]
        case FieldType.TIME:
            return _moment(field, name, names)
        case _:
            return _number(field, name)


def _moment(field: Field, name: str, names: dict[str, Any]) -> list[str]:
    if field.timezone:
        names[f"zone_{name}"] = ZoneInfo(field.timezone)
        local = f"if when.tzinfo is None: when = when.replace(tzinfo=zone_{name})"
    else:
        local = "if when.tzinfo is None: return None"
    return [
        f"when = parse({name})",
        local,
        "since = when - epoch",
        f"{name} = (since.days * 86400 + since.seconds) * 1000000 + since.microseconds",
        f"if not 0 <= {name} < {LATEST_US}: return None",
    ]


def _number(field: Field, name: str) -> list[str]:
    decimals, low, high, _ = number_shape(field)
    refuse = f"if not {low} <= {name} <= {high}: return None"
    if decimals == 0:
        return [refuse]
    return [
        f"if type({name}) is bytes:",
        f'    whole, _, part = {name}.partition(b".")',
        f"    if len(part) > {decimals} or not part.isdigit(): return None",
        f"    {name} = int(whole + part) * powers[{decimals} - len(part)]",
        f"elif type({name}) is int: {name} *= {POWERS[decimals]}",
        "else: return None",
        refuse,
    ]


def _amount(slot: _Slot, slots: Sequence[_Slot], schema: EventSchema) -> list[str]:
    field, name, base = slot.field, slot.local, schema.rates.base
    digits = exponent(base)
    code = next((s.local for s in slots if s.field.name == field.currency_field), None)
    lines = [
        f"if type({name}) is bytes: {name} = {name}.decode()",
        f"elif type({name}) is int: {name} = str({name})",
        f"elif type({name}) is not str: return None",
    ]
    plain = f"plain_minor({name}, {digits})"
    if code is None:
        foreign = repr(base)
        lines.append(f"minor = {plain}")
    else:
        foreign = f"{base!r} if {code} is None else {code}"
        lines.append(f"minor = {plain} if {code} is None or {code} == {base!r} else None")
    refused = f"minor >= {INTEGER_LIMIT} or minor <= {-INTEGER_LIMIT if field.signed else -1}"
    return [
        *lines,
        "if minor is None:",
        f"    minor = convert({name}, {foreign}, time_us)",
        f"    {name} = shortest({name})",
        f"if {refused}: return None",
        f"sent_{name} = {name}",
        f"{name} = minor",
    ]


def _time(schema: EventSchema, read: Sequence[_Slot]) -> Iterator[str]:
    yield "sent = {}"
    time = next((slot.local for slot in read if slot.field.name == schema.time_field), None)
    if time is None:
        yield "time_us = arrived_us"
        return
    yield f"if {time} is None:"
    yield f"    {time} = arrived_us"
    yield f"    sent[{schema.time_field!r}] = None"
    yield f"elif {time} > arrived_us + {schema.ahead_us}: return None"
    yield f"time_us = {time}"


def _answer(schema: EventSchema, read: Sequence[_Slot], money: Sequence[_Slot]) -> Iterator[str]:
    for slot in money:
        put = f"sent[{slot.field.name!r}] = sent_{slot.local}"
        yield f"if {slot.local} is not None: {put}" if slot.optional else put
    event_id = next(slot.local for slot in read if slot.field.name == schema.id_field)
    yield f"if {event_id} is None:"
    yield f"    {event_id} = make_id()"
    yield f"    sent[{schema.id_field!r}] = None"
    values = ", ".join(f"{slot.field.name!r}: {slot.local}" for slot in (*read, *money))
    yield f"return event({event_id}, time_us, arrived_us, {{{values}}}, sent)"


def compile_content(schema: EventSchema) -> Callable[..., list[Any]]:
    """A function (values, sent.get) -> what was sent, field by field: other fields first, then money."""
    fields = sorted(schema.fields, key=lambda field: field.type is FieldType.MONEY)
    apart = {schema.id_field, schema.time_field, *(field.name for field in schema.money)}
    held = [
        f"sent({field.name!r}, values[{field.name!r}])" if field.name in apart else f"values[{field.name!r}]"
        for field in fields
    ]
    names: dict[str, Any] = {}
    exec(f"def content(values, sent): return [{', '.join(held)}]", names)  # noqa: S102 - quoted names only
    content: Callable[..., list[Any]] = names["content"]
    return content
