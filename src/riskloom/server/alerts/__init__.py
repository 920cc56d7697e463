"""Alerts: raised with the decisions, queued, claimed, and closed by people."""
