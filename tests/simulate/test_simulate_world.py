from __future__ import annotations

import numpy as np
import pytest

from riskloom.simulate.world import customers, dice, habits, places, trips
from riskloom.simulate.world.campaigns import plan_campaigns
from riskloom.simulate.world.day import honest_day
from riskloom.simulate.world.frauds import FRAUDS, SIZES


def test_the_stream_of_chance_is_the_one_numpy_guarantees() -> None:
    # PCG64's raw words for a SeedSequence are promised for all versions and machines.
    assert dice.Dice(7, 1, 2).draw(1_000_000, 3).tolist() == [478895, 141198, 933023]
    assert dice.mix_one(1, 2, -3) == 3342391662505519872


def test_draws_stay_below_their_limits_and_reach_them() -> None:
    stream = dice.Dice(1)
    assert set(stream.draw(3, 200).tolist()) == {0, 1, 2}
    assert {stream.between(5, 7) for _ in range(100)} == {5, 6, 7}
    limits = np.array([1, 2, 2**31], dtype=np.int64)
    drawn = np.array([stream.draw(limits, 3) for _ in range(200)])
    assert (drawn < limits).all()
    assert (drawn >= 0).all()
    assert drawn[:, 2].max() > 2**30


def test_hashed_draws_depend_on_every_part() -> None:
    rows = np.arange(1000, dtype=np.int64)
    base = dice.hashed_below(2**31, 1, rows, 3)
    assert len(set(base.tolist())) > 995
    for other in (dice.hashed_below(2**31, 2, rows, 3), dice.hashed_below(2**31, 1, rows, 4)):
        assert (base == other).mean() < 0.01


def test_a_choice_table_gives_each_option_its_share() -> None:
    table = dice.choice_table([1, 0, 3])
    assert np.bincount(table, minlength=3).tolist() == [1024, 0, 3072]


def test_every_hour_and_category_table_is_complete() -> None:
    assert all(len(p.hours) == len(p.weekend_hours) == 24 for p in habits.PERSONAS)
    assert habits.hour_table().max() == 23
    assert set(habits.category_table().ravel().tolist()) == set(range(len(habits.CATEGORIES)))
    liked = {name for persona in habits.PERSONAS for name, _ in persona.likes}
    assert liked <= set(habits.CATEGORY_NAMES)


def test_the_smallest_world_has_every_currency() -> None:
    first = [places.CURRENCIES[city.currency] for city in places.CITIES[:8]]
    assert sorted(first) == sorted(places.CURRENCIES)


def test_distances_are_those_of_an_atlas() -> None:
    index = {city.name: number for number, city in enumerate(places.CITIES)}
    table = places.distances_km()
    assert table[index["New_York"], index["London"]] == pytest.approx(5570, abs=10)
    assert table[index["Sydney"], index["Los_Angeles"]] == pytest.approx(12_065, abs=30)
    assert (table == table.T).all()


def test_a_far_city_is_far_from_everywhere() -> None:
    for city in places.CITIES:
        far = places.CITIES[places.far_city(5, city.lat, city.lon, 1500)]
        assert places.distance_km(city.lat, city.lon, far.lat, far.lon) >= 1500
        assert places.nearest_city(city.lat, city.lon) == places.CITIES.index(city)


def test_households_share_home_network_and_laptop_but_not_phone() -> None:
    people = customers.build_population(3, 400)
    partner = np.flatnonzero(people.household != np.arange(400))
    owner = people.household[partner]
    assert 30 < partner.size < 100
    assert (people.home_ip(partner, 19_800) == people.home_ip(owner, 19_800)).all()
    assert (people.lat[partner] == people.lat[owner]).all()
    laptop, phone = (np.full(partner.size, slot) for slot in (customers.LAPTOP, customers.PHONE))
    assert (people.device(partner, laptop, 19_800) == people.device(owner, laptop, 19_800)).all()
    assert (people.device(partner, phone, 19_800) != people.device(owner, phone, 19_800)).all()


def test_devices_and_leases_change_now_and_then() -> None:
    people = customers.build_population(3, 1000)
    user, phone = np.arange(1000), np.full(1000, customers.PHONE)
    changed = (people.device(user, phone, 19_800) != people.device(user, phone, 19_830)).mean()
    assert 0.005 < changed < 0.1
    moved = (people.home_ip(user, 19_800) != people.home_ip(user, 19_830)).mean()
    assert 0.1 < moved < 0.6


@pytest.mark.parametrize("days", [1, 5, 6, 30])
def test_trips_lie_within_their_season(days: int) -> None:
    people = customers.build_population(3, 3000)
    season = trips.plan_season(9, people, 60, days)
    goes = season.leaves >= 0
    assert goes.any() == (days >= 6)
    assert not season.under_way(60).any()
    assert not season.under_way(60 + days - 1).any()
    assert (season.leaves[goes] > 60).all()
    assert (season.returns[goes] - season.leaves[goes] >= trips.SHORTEST_DAYS).all()
    user = np.arange(3000)
    assert (season.city_on(user, 60) == people.city).all()
    # Everybody lands on the day after, with hours of it left.
    assert (season.travel_us < 36 * 3_600_000_000).all()


def test_nobody_pays_in_another_city_before_they_can_be_there() -> None:
    people = customers.build_population(3, 500)
    everybody, day_us = np.arange(500), 86_400_000_000
    season = trips.Season(
        home=people.city,
        city=places.distances_km()[people.city, : people.market.online].argmax(axis=1),
        leaves=np.full(500, 3),
        returns=np.full(500, 6),
        travel_us=np.full(500, 30 * 3_600_000_000),
    )
    assert honest_day(people, season, 1, 0, 3, 2000) is None
    there = honest_day(people, season, 1, 0, 4, 2000)
    back = honest_day(people, season, 1, 0, 7, 2000)
    assert there is not None
    assert back is not None
    assert there.time_us.min() >= 4 * day_us + 6 * 3_600_000_000
    assert back.time_us.min() >= 7 * day_us + 6 * 3_600_000_000
    assert back.time_us.max() < 8 * day_us
    assert (season.city_on(everybody, 5) == season.city).all()
    assert (season.city_on(everybody, 7) == people.city).all()


def test_campaigns_add_up_and_keep_their_sizes() -> None:
    for payments in (0, 1, 4, 5, 60, 5000):
        campaigns = [each for day in plan_campaigns(1, payments, 30).values() for each in day]
        assert sum(each.size for each in campaigns) == payments
        assert {each.kind for each in campaigns} == set(FRAUDS) or payments < 5
        assert all(1 <= each.size <= SIZES[each.kind][1] for each in campaigns)
