"""No rule and no policy acts more often than it may."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from riskloom.domain.decision import Limit
from riskloom.policy.brakes import HOUR_US, MINUTE_US, Brakes

GAPS = [0, 1, MINUTE_US - 1, MINUTE_US, MINUTE_US + 1, HOUR_US - MINUTE_US, HOUR_US - 1, HOUR_US, HOUR_US + 1]
limits = st.builds(Limit, st.none() | st.integers(1, 3), st.none() | st.integers(1, 4))


@given(limit=limits, gaps=st.lists(st.sampled_from(GAPS), max_size=30), cut=st.integers(0, 30))
def test_an_action_is_taken_when_both_windows_have_room(limit: Limit, gaps: list[int], cut: int) -> None:
    brakes, now_us, taken = Brakes({"rule": limit}), 0, []
    for at, gap in enumerate(gaps):
        now_us += gap
        room = all(
            most is None or sum(time_us > now_us - width_us for time_us in taken) < most
            for most, width_us in ((limit.per_minute, MINUTE_US), (limit.per_hour, HOUR_US))
        )
        assert brakes.is_braked("rule", now_us) is not room
        if room:
            brakes.take("rule", now_us)
            taken.append(now_us)
        if at == cut:
            data, brakes = brakes.as_data(), Brakes({"rule": limit})
            brakes.restore(data)


def test_what_has_no_limit_is_never_braked() -> None:
    brakes = Brakes({"a": Limit()})
    for _ in range(9):
        brakes.take("a", 0)
        brakes.take("b", 0)
    assert not brakes.is_braked("a", 0)
    assert not brakes.is_braked("b", 0)
    assert brakes.as_data() == {}


def test_a_clock_that_is_set_back_opens_no_window() -> None:
    brakes = Brakes({"a": Limit(per_minute=1)})
    brakes.take("a", 2 * MINUTE_US)
    assert brakes.is_braked("a", 0)
    brakes.take("a", 0)
    assert brakes.is_braked("a", 3 * MINUTE_US - 1)
    assert not brakes.is_braked("a", 3 * MINUTE_US)
