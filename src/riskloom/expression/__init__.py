"""One small language for features, rules, policy, routing and mapping.

Python's syntax with an own whitelist: `parse` reads a text into a tree of values, `check` types it against
the names that exist, `row` compiles many expressions into one Python function for one event, `columns`
evaluates the same trees over numpy columns with the same bits. Nothing an author writes is ever executed or
becomes an identifier: code is generated from the typed tree only. Pure: no clock, no environment; the
time-zone database is read when a zone is named.
"""
