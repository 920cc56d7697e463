"""Exact sliding windows over events: what was known about each entity when an event arrived.

`state.WindowState` is the engine, `oracle.oracle` the definition it must agree with,
`spec.WindowFeature` what can be declared, `checks.check_engine` the law for every other engine. Pure:
no clock, no disk, no settings.

How it works. Each entity has one block: its events by (time, arrival), lane by lane, with running
totals. A window is two positions found by search, and a count, sum, mean or deviation is a difference
of two totals: the same code for any width, for a delay, and for a late event. `look` writes nothing.
Everything that could fail is checked in `take` before the first write.

Limits. 16 entity columns, 8 told-apart columns an entity, 2**31 strings a dictionary. A late or delayed
`distinct` scans its window (0.4 ms over 33,000 events), as does every look at an entity that holds an
event from the future; a late event shifts the entity's events behind it (1-2 ms for 230,000). Strings
of evicted events stay in the dictionaries until `reclaim`. A block that grows is copied: milliseconds
for an entity of a million events.
"""
