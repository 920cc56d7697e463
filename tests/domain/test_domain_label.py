"""Which of several labels counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from riskloom.domain.label import Label, LabelSource, effective

LABELS = st.lists(
    st.builds(Label, st.booleans(), st.sampled_from(LabelSource), st.integers(0, 5)), min_size=1, max_size=8
)
STRENGTH = [LabelSource.RULE, LabelSource.CUSTOMER, LabelSource.ANALYST, LabelSource.CHARGEBACK]


@given(LABELS)
def test_no_stronger_later_known_or_later_told_label_is_passed_over(labels: list[Label]) -> None:
    counts = effective(labels)
    assert counts is not None
    strongest = max(labels, key=lambda label: STRENGTH.index(label.source)).source
    assert counts.source is strongest
    of_it = [label for label in labels if label.source is strongest]
    assert counts.known_at_us == max(label.known_at_us for label in of_it)
    assert counts is [label for label in of_it if label.known_at_us == counts.known_at_us][-1]


@given(LABELS, LABELS)
def test_what_a_weaker_source_says_changes_nothing(labels: list[Label], more: list[Label]) -> None:
    counts = effective(labels)
    assert counts is not None
    weaker = [one for one in more if STRENGTH.index(one.source) < STRENGTH.index(counts.source)]
    assert effective(labels + weaker) is counts


def test_nothing_counts_of_nothing() -> None:
    assert effective([]) is None
