"""What would have been decided: bundles over recorded events, by the functions that serve.

Nothing here reads a file, a database, a clock or a setting, and nothing is written: events come as chunks,
results are values.
"""
