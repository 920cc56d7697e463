"""Who is told of alerts: the outbox, the channels, the clocks."""
