"""Measures: how well scores rank, what decisions cost, whether anything moved. Pure functions of arrays.

Training, replay and monitoring share them. What is not defined (a rank measure where there is no fraud, or
nothing but fraud) is NaN, never 0 and never 1; results write themselves as plain data with `as_data`, where
NaN is null.
"""
