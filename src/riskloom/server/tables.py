"""The tables. `events` and what hangs on it is keyed by arrival number: the order in which all was
decided."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

metadata = MetaData()
Arrival = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits everywhere; SQLite keeps a table in the order of a key called INTEGER, with no index beside it."""

events = Table(
    "events",
    metadata,
    Column("arrival", Arrival, primary_key=True, autoincrement=False),
    Column("scenario", String(64), nullable=False),
    Column("event_id", Text, nullable=False),
    Column("entity_key", Text),  # the key of the scenario's first entity
    Column("event_time_us", BigInteger, nullable=False),
    Column("arrived_at_us", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # of the body as parsed
    Column("fields", Text, nullable=False),  # JSON; personal fields by their key
    Column("sent", Text, nullable=False),  # JSON; amounts as sent, null for ids and times made here
    Column("vector", LargeBinary, nullable=False),  # float64, frozen on arrival
    Column("features", String(64), nullable=False),  # fingerprint of the features part
    Column("degraded", Text, nullable=False),  # JSON list, on arrival
    UniqueConstraint("scenario", "event_id", name="events_scenario_event_id"),
    Index("events_entity_key", "scenario", "entity_key", "arrival"),
)

personal_data = Table(
    "personal_data",
    metadata,
    Column("arrival", Arrival, primary_key=True, autoincrement=False),
    Column("fields", Text, nullable=False),  # JSON; the only place of raw personal values
)

decisions = Table(
    "decisions",
    metadata,
    Column("arrival", Arrival, primary_key=True, autoincrement=False),
    Column("scenario", String(64), nullable=False),
    Column("decided_at_us", BigInteger, nullable=False),
    Column("outcome", SmallInteger, nullable=False),  # rank on the ladder
    Column("anomaly_score", Float),
    Column("risk_score", Float),
    Column("probability", Float),
    Column("reasons", Text, nullable=False),  # JSON: code, severity, values, evidence as arrival numbers
    Column("bundle", String(64), nullable=False),
    Column("degraded", Text, nullable=False),  # JSON list
    Column("contributions", Text),  # JSON: feature -> what it added; of flagged events
    Column("lineup", Integer),  # who else was in play; null without a registry
    Index("decisions_decided", "scenario", "decided_at_us", "outcome"),
    Index(
        "decisions_flagged",
        "scenario",
        "arrival",
        sqlite_where=literal_column("outcome > 0"),
        postgresql_where=literal_column("outcome > 0"),
    ),
)

IS_FLAGGED: ColumnElement[bool] = literal_column("decisions.outcome > 0", Boolean)
"""Written out, not bound: only so SQLite sees that the index of flagged decisions serves."""

trials = Table(
    "trials",
    metadata,
    Column("arrival", Arrival, primary_key=True, autoincrement=False),
    Column("bundle", String(64), primary_key=True),
    Column("scenario", String(64), nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("anomaly_score", Float),
    Column("risk_score", Float),
    Column("probability", Float),
    Column("reasons", Text, nullable=False),  # JSON, as of decisions
    Index("trials_bundle", "scenario", "bundle", "arrival"),
)
"""What shadows said, and the champion where a canary decided: stored, never acted on."""

lineups = Table(
    "lineups",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("scenario", String(64), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("change", Integer, nullable=False),  # the registry's number of the change that made it so
    Column("versions", Text, nullable=False),  # JSON: champion, canary, shadows
)

labels = Table(
    "labels",
    metadata,
    Column("arrival", Arrival, primary_key=True, autoincrement=False),  # of the same counter as events
    Column("scenario", String(64), nullable=False),
    Column("about", BigInteger, nullable=False),  # the event's arrival number
    Column("fraud", Boolean, nullable=False),
    Column("source", String(16), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("known_at_us", BigInteger, nullable=False),
    Column("code", Text),
    Column("told_at_us", BigInteger, nullable=False),
    Column("truth", Boolean, nullable=False),  # what the event counts as from this entry on
    Index("labels_about", "about"),
)

policy_changes = Table(
    "policy_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("scenario", String(64), nullable=False),
    Column("after", BigInteger, nullable=False),  # events with a higher arrival number see it
    Column("change", Text, nullable=False),  # JSON: lists, or off
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at_us", BigInteger, nullable=False),
    Index("policy_changes_scenario", "scenario", "id"),
)
"""What people changed of a policy at work; never altered."""

bundles = Table(
    "bundles",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("scenario", String(64), nullable=False),
    Column("first_used_at_us", BigInteger, nullable=False),
    Column("parts", Text, nullable=False),  # JSON: what renders old decisions, without the model's arrays
    Column("model", Text, nullable=False),  # JSON: kind, features, info; null without a model
)

model_runs = Table(
    "model_runs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("scenario", String(64), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("model_type", String(64), nullable=False),
    Column("trained_rows", BigInteger, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("percentile", Float, nullable=False),
    Column("feature_columns", Text, nullable=False),
    Column("bundle", String(64), nullable=False),
    Column("path", Text, nullable=False),
)
