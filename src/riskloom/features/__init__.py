"""Exact sliding windows over events: what was known about each entity when an event arrived.

`state.WindowState` is the engine, `oracle.oracle` the definition it must agree with, `spec.WindowFeature` what can be
declared, `checks.check_engine` the law for every other engine. Pure: no clock, no disk, no settings.
"""
