"""What the name of a column says: its words, and the lists of words that mean something here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

ENTITIES: Mapping[str, frozenset[str]] = {
    "user": frozenset(
        {"user", "username", "customer", "cust", "client", "member", "person", "subscriber", "login"}
    ),
    "card": frozenset({"card", "cc", "pan", "cardnumber", "cardno"}),
    "account": frozenset({"account", "acct", "iban", "wallet"}),
    "sender": frozenset({"orig", "originator", "sender", "payer", "debtor", "nameorig"}),
    "email": frozenset({"email", "mail"}),
    "phone": frozenset({"phone", "msisdn", "mobile"}),
    "device": frozenset({"device", "imei", "fingerprint", "deviceid"}),
    "ip": frozenset({"ip", "ipaddress"}),
    "receiver": frozenset(
        {"dest", "destination", "receiver", "recipient", "beneficiary", "payee", "creditor", "namedest"}
    ),
    "terminal": frozenset({"terminal", "atm", "pos"}),
    "merchant": frozenset({"merchant", "merch", "shop", "store", "seller", "vendor"}),
}
"""Kinds of entity and the words that name them; the first is whom an event is about."""

PLACES = frozenset({"receiver", "terminal", "merchant"})
"""Entities that something is done at or to; the others do it."""
PERSONAL_ENTITIES = frozenset({"user", "card", "account", "sender", "receiver", "email", "phone", "ip"})

NO_KEY = frozenset(
    {
        "type", "category", "cat", "brand", "class", "level", "status", "country", "currency", "lat", "lon",
        "long", "lng", "latitude", "longitude", "age", "amount", "amt", "balance", "count", "cnt", "nb",
        "avg",
        "mean", "risk", "score", "window", "city", "state", "zip", "mcc", "os", "model", "version", "date",
        "time", "expiry", "limit", "gender", "job", "agent", "since", "days", "distance", "present", "new",
        "pop", "rate", "ratio", "num_tx", "segment", "tier", "group",
    }
)  # fmt: skip
"""Beside these a word for an entity speaks of a property of it: device_type, merchant_category."""

IDS = frozenset({"id", "uuid", "guid", "ref", "reference", "number", "num", "no", "key", "hash", "code"})
EVENTS = frozenset(
    {"event", "transaction", "trans", "tx", "txn", "trx", "order", "payment", "record", "message", "request"}
)
ROW_NUMBERS = frozenset({"index", "idx", "row", "rownum", "rowid", "unnamed"})

MONEY = frozenset(
    {
        "amount", "amt", "price", "cost", "fee", "fees", "balance", "spend", "spent", "paid", "salary",
        "income", "revenue", "deposit", "withdrawal", "charge", "purchase",
    }
)  # fmt: skip
AMOUNTS = ("amount", "amt", "price", "purchase", "charge", "paid", "cost", "total", "spent", "value")
"""What the amount of an event is called, the likeliest first."""
CURRENCIES = frozenset({"currency", "ccy", "curr"})
SUMMARIES = frozenset(
    {"avg", "mean", "std", "ratio", "share", "rate", "count", "cnt", "nb", "pct", "log", "score"}
)

TIMES = frozenset(
    {"time", "timestamp", "datetime", "ts", "date", "created", "occurred", "at", "epoch", "unix", "utc"}
)
NOT_THE_EVENTS_TIME = frozenset(
    {"birth", "dob", "birthday", "expiry", "expires", "expiration", "open", "opened", "signup", "joined",
     "updated", "modified", "closed", "due", "until", "since", "registered", "reported", "settled"}
)  # fmt: skip
UNITS: Mapping[str, int] = {
    "ms": 1_000, "millis": 1_000, "milliseconds": 1_000,
    "sec": 1_000_000, "secs": 1_000_000, "second": 1_000_000, "seconds": 1_000_000,
    "min": 60_000_000, "mins": 60_000_000, "minutes": 60_000_000,
    "hour": 3_600_000_000, "hours": 3_600_000_000, "step": 3_600_000_000, "steps": 3_600_000_000,
    "day": 86_400_000_000, "days": 86_400_000_000,
}  # fmt: skip
"""Microseconds of the units that names speak of; a step is taken for an hour, as in PaySim."""
COUNTERS = TIMES | frozenset({"elapsed", "tick", "step", "steps", "seconds", "secs"})

LABELS = (
    "isfraud", "fraud", "txfraud", "fraudbool", "fraudlabel", "fraudflag", "fraudulent", "isfraudulent",
    "fraudind", "fraudreported", "chargeback", "ischargeback", "isanomaly", "anomaly", "isoutlier", "outlier",
    "label", "class", "target", "y",
)  # fmt: skip
"""What a label is called, without case and signs, the likeliest first."""
FRAUD_TEXTS = frozenset(
    {"1", "true", "yes", "y", "t", "fraud", "fraudulent", "anomaly", "outlier", "bad", "positive", "attack"}
)
HONEST_TEXTS = frozenset(
    {"0", "false", "no", "n", "f", "genuine", "legit", "legitimate", "normal", "honest", "good", "negative",
     "inlier", "nonfraud", "benign"}
)  # fmt: skip

ANSWERS = re.compile(
    r"fraud|anomal|outlier|chargeback|disput|flagged|unauthori|declin|reject|blocked|verdict|decision|outcome"
    r"|investigat|groundtruth|alert"
)
"""In the name of a column that is not the label: somebody's judgement of the event, made after it."""
AFTER = re.compile(
    r"^(?:new|post|after|closing|resulting|updated|ending)(?:balance|amount|total|account)"
    r"|(?:balance|amount).*(?:after|post)"
)
"""In the name of an amount of money: what it was once the event had happened."""
BOOKKEEPING = frozenset({"draw", "split", "fold", "partition", "subset", "istrain", "istest", "sample"})

PERSONAL = frozenset(
    {
        "first", "last", "firstname", "lastname", "surname", "forename", "fullname", "name", "street",
        "address", "addr", "city", "zip", "zipcode", "postcode", "postal", "dob", "birth", "birthday",
        "birthdate", "email", "mail", "phone", "msisdn", "ssn", "passport", "tax", "licence", "license",
        "iban", "cc", "pan", "cardnumber",
    }
)  # fmt: skip
NOT_PERSONAL = frozenset(
    {
        "merchant", "merch", "shop", "store", "pop", "population", "product", "category", "device", "file",
        "bank", "host", "domain", "event", "type", "country", "is", "has", "count", "cnt", "free", "seen",
        "verified", "match", "time", "days", "distance",
    }
)  # fmt: skip
PROTECTED = frozenset(
    {"gender", "sex", "race", "ethnicity", "religion", "nationality", "marital", "disability"}
)
LATITUDES = frozenset({"lat", "latitude"})
LONGITUDES = frozenset({"lon", "long", "lng", "longitude"})
BLANKS = frozenset({"na", "n/a", "nan", "null", "none", "nil", "?", "-", "--", "missing", "unknown", "#n/a"})
"""What files write where they have no value."""


def words(name: str) -> tuple[str, ...]:
    """The words of a name in small letters: at signs, and where capitals begin.

    >>> words("nameOrig"), words("TX_FRAUD"), words("Transaction Amount")
    (('name', 'orig'), ('tx', 'fraud'), ('transaction', 'amount'))
    """
    return tuple(word.lower() for word in _WORDS.findall(name))


def plain(name: str) -> str:
    """A name without case and signs.

    >>> plain("is_Fraud")
    'isfraud'
    """
    return "".join(words(name))


def entity_of(name: str) -> str:
    """The kind of entity that a column of this name holds keys of, or nothing.

    >>> entity_of("cc_num"), entity_of("merchant_category"), entity_of("nameDest")
    ('card', '', 'receiver')
    """
    said = frozenset(words(name)) | {plain(name)}
    if said & NO_KEY:
        return ""
    return next((kind for kind, known in ENTITIES.items() if said & known), "")


def speaks_of(name: str, known: Iterable[str]) -> bool:
    """Whether one of the known words is in the name, alone or within a longer word that has no signs.

    >>> speaks_of("oldbalanceOrg", MONEY), speaks_of("city_pop", MONEY)
    (True, False)
    """
    said = words(name)
    return any(word in said or (len(word) > 5 and any(word in each for each in said)) for word in known)
