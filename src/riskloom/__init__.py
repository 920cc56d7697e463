"""Riskloom: decisions on events that carry their evidence and replay bit for bit."""

__version__ = "0.1.0"
