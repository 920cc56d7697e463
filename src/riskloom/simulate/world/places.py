"""The places of the made-up world: real cities, their currencies and clocks, and how far apart they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from riskloom.simulate.world.dice import Ints

EARTH_RADIUS_M = 6_371_008.8
MICRODEGREES_PER_KM = 8_993
"""Northwards; eastwards a microdegree is shorter, see `City.stretch`."""

CURRENCIES = ("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "SEK")
MINOR_PER_1000_CENTS = (1000, 920, 790, 1500, 880, 1360, 1520, 10_600)
"""What 10 US dollars cost in minor units of each currency: the price level, not a rate for accounts."""
ROUND_MINOR = (2000, 2000, 2000, 1000, 2000, 2000, 2000, 20_000)
"""What cash machines count in: 20 dollars, 1,000 yen, 200 kronor."""


@dataclass(frozen=True, slots=True)
class City:
    """A place where customers live. Its clock is `offset_minutes` ahead of UTC all year: no summer time."""

    name: str
    currency: int
    lat: int
    lon: int
    offset_minutes: int
    weight: int

    @property
    def stretch(self) -> int:
        """How much longer, in 1/1024, a step east is in degrees than the same step north."""
        return round(1024 / math.cos(math.radians(self.lat / 1e6)))


def _cities(text: str) -> tuple[City, ...]:
    rows = (line.split() for line in text.strip().splitlines())
    return tuple(
        City(
            name,
            CURRENCIES.index(currency),
            round(float(lat) * 1e6),
            round(float(lon) * 1e6),
            int(minutes),
            int(weight),
        )
        for name, currency, lat, lon, minutes, weight in rows
    )


# The first eight hold every currency once, so that the smallest world has them all.
CITIES = _cities("""
New_York      USD  40.7128  -74.0060 -300 20
Paris         EUR  48.8566    2.3522   60 12
London        GBP  51.5072   -0.1276    0 14
Tokyo         JPY  35.6762  139.6503  540  8
Zurich        CHF  47.3769    8.5417   60  4
Toronto       CAD  43.6532  -79.3832 -300  6
Sydney        AUD -33.8688  151.2093  600  6
Stockholm     SEK  59.3293   18.0686   60  4
Chicago       USD  41.8781  -87.6298 -360 12
Berlin        EUR  52.5200   13.4050   60 10
Los_Angeles   USD  34.0522 -118.2437 -480 14
Madrid        EUR  40.4168   -3.7038   60  8
Houston       USD  29.7604  -95.3698 -360  9
Rome          EUR  41.9028   12.4964   60  7
Manchester    GBP  53.4808   -2.2426    0  6
Osaka         JPY  34.6937  135.5023  540  5
Miami         USD  25.7617  -80.1918 -300  7
Amsterdam     EUR  52.3676    4.9041   60  5
Geneva        CHF  46.2044    6.1432   60  3
Montreal      CAD  45.5019  -73.5674 -300  5
Melbourne     AUD -37.8136  144.9631  600  5
Gothenburg    SEK  57.7089   11.9746   60  3
Seattle       USD  47.6062 -122.3321 -480  6
Vienna        EUR  48.2082   16.3738   60  5
Boston        USD  42.3601  -71.0589 -300  6
Munich        EUR  48.1351   11.5820   60  5
Denver        USD  39.7392 -104.9903 -420  5
Barcelona     EUR  41.3874    2.1686   60  6
Edinburgh     GBP  55.9533   -3.1883    0  4
Vancouver     CAD  49.2827 -123.1207 -480  4
Atlanta       USD  33.7490  -84.3880 -300  6
Lisbon        EUR  38.7223   -9.1393    0  4
San_Francisco USD  37.7749 -122.4194 -480  7
Dublin        EUR  53.3498   -6.2603    0  4
Brisbane      AUD -27.4698  153.0251  600  4
Fukuoka       JPY  33.5902  130.4017  540  3
Phoenix       USD  33.4484 -112.0740 -420  5
Milan         EUR  45.4642    9.1900   60  6
Dallas        USD  32.7767  -96.7970 -360  7
Helsinki      EUR  60.1699   24.9384  120  3
Brussels      EUR  50.8503    4.3517   60  4
Athens        EUR  37.9838   23.7275  120  4
Calgary       CAD  51.0447 -114.0719 -420  3
Sapporo       JPY  43.0618  141.3545  540  3
Basel         CHF  47.5596    7.5886   60  2
Malmo         SEK  55.6050   13.0038   60  2
Birmingham    GBP  52.4862   -1.8904    0  4
Perth         AUD -31.9523  115.8613  480  3
""")

CITY_LAT: Ints = np.array([city.lat for city in CITIES], dtype=np.int64)
CITY_LON: Ints = np.array([city.lon for city in CITIES], dtype=np.int64)
CITY_STRETCH: Ints = np.array([city.stretch for city in CITIES], dtype=np.int64)
CITY_CURRENCY: Ints = np.array([city.currency for city in CITIES], dtype=np.int64)
CITY_OFFSET_US: Ints = np.array([city.offset_minutes * 60_000_000 for city in CITIES], dtype=np.int64)


def distance_km(lat_a: int, lon_a: int, lat_b: int, lon_b: int) -> float:
    """The great-circle distance of two places in microdegrees, by the haversine formula on a sphere.

    >>> round(distance_km(48_856_600, 2_352_200, 51_507_200, -127_600))
    344
    """
    phi_a, phi_b = math.radians(lat_a / 1e6), math.radians(lat_b / 1e6)
    half_phi, half_lambda = (phi_b - phi_a) / 2, math.radians((lon_b - lon_a) / 1e6) / 2
    square = math.sin(half_phi) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lambda) ** 2
    return 2 * EARTH_RADIUS_M / 1000 * math.asin(min(1.0, math.sqrt(square)))


@cache
def distances_km() -> Ints:
    """Whole kilometres between the cities: int64[cities, cities]."""
    table = np.zeros((len(CITIES), len(CITIES)), dtype=np.int64)
    for a, first in enumerate(CITIES):
        for b, second in enumerate(CITIES):
            table[a, b] = round(distance_km(first.lat, first.lon, second.lat, second.lon))
    return table


def nearest_city(lat: int, lon: int) -> int:
    """The index of the city nearest to a place in microdegrees."""
    return min(range(len(CITIES)), key=lambda city: distance_km(lat, lon, CITIES[city].lat, CITIES[city].lon))


def far_city(choice: int, lat: int, lon: int, least_km: int) -> int:
    """One of the cities at least `least_km` away from a place, picked by `choice`."""
    far = [
        index for index, city in enumerate(CITIES) if distance_km(lat, lon, city.lat, city.lon) >= least_km
    ]
    return far[choice % len(far)]
