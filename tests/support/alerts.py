"""Whether the alerts of a database are those of its decisions."""

from __future__ import annotations

from support.databases import Database


def check_alerts(database: Database) -> int:
    """Each flagged decision is in exactly one alert, and each alert says what its decisions add up to; how
    many there are."""
    flagged = [row[0] for row in database.rows("select arrival from decisions where outcome > 0 order by 1")]
    joined = database.rows("select arrival, alert_id from alert_events order by 1")
    hidden = [row[0] for row in database.rows("select arrival from suppressed")]
    assert sorted([*(row[0] for row in joined), *hidden]) == flagged
    members: dict[int, list[int]] = {}
    for arrival, alert_id in joined:
        members.setdefault(alert_id, []).append(arrival)
    outcomes = dict(database.rows("select arrival, outcome from decisions where outcome > 0"))
    keys = dict(database.rows("select arrival, entity_key from events"))
    found = database.rows(
        "select id, events, first_arrival, last_arrival, outcome, entity_key, priority, expected_loss,"
        " urgency from alerts order by id"
    )
    assert {row[0] for row in found} == set(members)
    for alert_id, events, first, last, outcome, key, priority, loss, urgency in found:
        own = members[alert_id]
        assert (events, first, last) == (len(own), own[0], own[-1]), alert_id
        assert alert_id in own
        assert outcome == max(outcomes[arrival] for arrival in own)
        assert {keys[arrival] for arrival in own} == {key}
        assert priority == loss * urgency
    return len(found)
