"""Text becomes ids and comes back from bytes."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.errors import BundleInvalid
from riskloom.features.dictionary import Dictionary

TEXTS = ["a", "", "ü", "𝄞", "a\x00b", "\ud800", "x" * 1000]


def test_asking_never_gives_an_id() -> None:
    dictionary = Dictionary()
    assert dictionary.get("new") is None
    assert dictionary[None] == -1
    assert dictionary.end == 0


def test_many_get_the_ids_that_one_gets() -> None:
    dictionary = Dictionary()
    assert dictionary.ids(["a", None, "b", "a"]).tolist() == [0, -1, 1, 0]
    assert dictionary.ids(np.array(["b", "c", None], object)).tolist() == [1, 2, -1]
    assert dictionary["c"] == 2


def test_it_comes_back_from_its_arrays() -> None:
    dictionary = Dictionary()
    dictionary.ids(TEXTS)
    again = Dictionary.of_arrays(*dictionary.arrays())
    assert dict(again) == dict(dictionary)
    assert again["later"] == len(TEXTS)


def test_forgotten_ids_are_given_again() -> None:
    dictionary = Dictionary()
    dictionary.ids(["a", "b", "c"])
    assert dictionary.forget(np.array([False, True, False])) == 1
    again = Dictionary.of_arrays(*dictionary.arrays())
    for each in (dictionary, again):
        assert each.get("b") is None
        assert [each["d"], each["e"]] == [1, 3]


def test_what_is_taken_back_leaves_nothing() -> None:
    dictionary = Dictionary()
    dictionary.ids(["a"])
    dictionary.take_back("b", dictionary["b"])
    assert (dictionary.end, dictionary["c"]) == (1, 1)


@pytest.mark.parametrize("value", [7, b"bytes", 1.5])
def test_only_text_has_an_id(value: object) -> None:
    with pytest.raises(TypeError, match="text or None"):
        Dictionary().ids([value])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("data", "offsets", "ids"),
    [
        (b"ab", [0, 1], [0, 1]),
        (b"ab", [0, 2, 1], [0, 1]),
        (b"ab", [0, 1, 2], [0, 0]),
        (b"aa", [0, 1, 2], [0, 1]),
        (b"ab", [0, 1, 2], [0, -1]),
        (b"ab", [1, 1, 2], [0, 1]),
        (b"\xff\xff", [0, 1, 2], [0, 1]),
    ],
)
def test_damaged_arrays_are_refused(data: bytes, offsets: list[int], ids: list[int]) -> None:
    with pytest.raises(BundleInvalid):
        Dictionary.of_arrays(np.frombuffer(data, np.uint8), np.array(offsets), np.array(ids))
