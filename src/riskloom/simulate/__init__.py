"""Made-up payments with known frauds in them: for demos, load tests and first models, never for claims.

Pure: no clock, no disk, no environment; the same arguments give the same bytes on every machine, because
chance is drawn as raw 64-bit words and everything behind it is integer arithmetic.
"""
