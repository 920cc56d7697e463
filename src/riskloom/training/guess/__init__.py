"""From the first rows of a file to a scenario for it: what each column seems to be, and why.

Pure: columns in, guesses out. Nothing here reads a file, prints or decides for good: every guess is written
into a scenario that a person reads and corrects. Names are looked at first (`names`), then values (`column`,
`types`, `roles`, `times`, `suspects`); `assign` makes fields of columns, `features` and `rules` build on
them, `mend` says what a copy of the file could put right, `render` writes it all down.
"""

from riskloom.training.guess.column import (
    Column,
    boolean_column,
    number_column,
    other_column,
    text_column,
    time_column,
)
from riskloom.training.guess.guess import Guess, guess_scenario
from riskloom.training.guess.render import render_rules, render_scenario

__all__ = [
    "Column",
    "Guess",
    "boolean_column",
    "guess_scenario",
    "number_column",
    "other_column",
    "render_rules",
    "render_scenario",
    "text_column",
    "time_column",
]
