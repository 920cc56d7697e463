"""CSV files: good rows go on, a bad one costs itself and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from riskloom.adapters.sources.csv import LINE_LIMIT
from riskloom.errors import DataInvalid
from support.files import HEADER, LINES, csv, ids, line, read, rows_of, write


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    events, letters = read(csv(tmp_path, LINES))
    assert [event.id for event in events] == [f"e{at}" for at in range(6)]
    assert letters == []
    assert all(event.arrived_us == event.time_us for event in events)


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"\n\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataInvalid, match="header"):
        rows_of(write(tmp_path / "empty.csv", content))


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path / "nowhere.parquet"):
        with pytest.raises(DataInvalid, match="nowhere"):
            rows_of(path)


def test_a_header_alone_has_no_events(tmp_path: Path) -> None:
    assert ids(csv(tmp_path, [])) == ([], [])
    assert ids(write(tmp_path / "data.csv", HEADER)) == ([], [])


def test_every_missing_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid) as caught:
        rows_of(write(tmp_path / "data.csv", HEADER.replace("user_id", "userid").replace("lat,", "")))
    told = str(caught.value)
    assert "a column user_id" in told
    assert "'userid'" in told
    assert "a column lat" in told


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="one column amount"):
        rows_of(write(tmp_path / "data.csv", HEADER + ",amount"))


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_other_signs_than_commas_may_part_the_values(tmp_path: Path, sign: str) -> None:
    parted = [text.replace(",", sign) for text in (HEADER, *LINES)]
    parted[2] = parted[2].replace("grocery", "food, drink")
    parted[3] = parted[3].replace("grocery", f'"food{sign}')
    events, letters = read(write(tmp_path / "data.csv", parted))
    assert [event.id for event in events] == ["e0", "e1", "e3", "e4", "e5"]
    assert events[1].values["merchant_category"] == "food, drink"
    assert [letter.line for letter in letters] == [4]


def test_a_comma_in_a_name_of_the_header_is_no_separator_where_others_make_more(tmp_path: Path) -> None:
    header = HEADER.replace(",", ";") + ';"note, free"'
    rows = [f"{text.replace(',', ';')};a, b, c" for text in LINES]
    assert ids(write(tmp_path / "data.csv", [header, *rows])) == ([f"e{at}" for at in range(6)], [])


def test_a_bad_row_in_the_middle_stops_nobody(tmp_path: Path) -> None:
    lines = [*LINES]
    lines[2] = line("bad", amount="12;50", lat=91)
    events, letters = read(csv(tmp_path, lines))
    assert [event.id for event in events] == ["e0", "e1", "e3", "e4", "e5"]
    letter = json.loads(letters[0].as_json())
    assert letter["line"] == 4
    assert [fault["where"] for fault in letter["faults"]] == ["lat", "amount"]
    assert letter["row"]["event_id"] == "bad"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("a,b,c", "12 values"),
        (line("e") + ",more", "12 values"),
        ('"e,' + line("e"), "quote"),
        (line("e").replace("grocery", '"grocery'), "quote"),
        (line("e")[:-6] + '"online', "quote"),
        (line("e", user_id="a\0b"), "control"),
        (line("e", timestamp="2026-01-01T00:00:00"), "Z or an offset"),
        (line("e", timestamp=""), "nothing"),
        (line("e", amount="nan"), "decimal"),
        (line("e", amount="-1"), "at least 0"),
        (line("e", amount="inf"), "decimal"),
        (line("e", lat="51,5"), "12 values"),
        (line("e", user_id="x" * 200_000), "field larger"),
        ("x" * (LINE_LIMIT + 10), "characters in a line"),
    ],
)
def test_a_bad_line_costs_itself_and_no_other(tmp_path: Path, bad: str, said: str) -> None:
    events, letters = read(csv(tmp_path, [*LINES[:2], bad, *LINES[2:]]))
    assert [event.id for event in events] == [f"e{at}" for at in range(6)]
    assert [letter.line for letter in letters] == [4]
    assert said in str(letters[0].faults[0])


def test_two_missing_quotes_do_not_swallow_what_lies_between(tmp_path: Path) -> None:
    lines = [*LINES]
    lines[1] = lines[1].replace("grocery", '"grocery')
    lines[4] = lines[4].replace("grocery", 'grocery"')
    good, bad = ids(csv(tmp_path, lines))
    assert good[:3] == ["e0", "e2", "e3"]
    assert 3 in bad


def test_a_missing_quote_before_the_end_of_the_file_is_told(tmp_path: Path) -> None:
    good, bad = ids(write(tmp_path / "data.csv", "\n".join([HEADER, *LINES[:3], LINES[3][:-6] + '"onl'])))
    assert (good, bad) == (["e0", "e1", "e2"], [5])


def test_bytes_that_are_no_utf8_are_told_and_kept(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *LINES[:2], line("caf\xe9", user_id="ren\xe9"), *LINES[2:]])
    events, letters = read(write(tmp_path / "data.csv", text.encode("latin-1")))
    assert len(events) == 6
    assert [letter.line for letter in letters] == [4]
    told = json.loads(letters[0].as_json())
    assert "UTF-8" in told["faults"][0]["expected"]
    assert told["row"]["user_id"] == "ren\\udce9"


def test_utf8_with_and_without_a_mark_is_the_same(tmp_path: Path) -> None:
    text = "\n".join([HEADER, line("e0", user_id="René 𝄞")])
    plain, _ = read(write(tmp_path / "plain.csv", text.encode()))
    marked, _ = read(write(tmp_path / "marked.csv", text.encode("utf-8-sig")))
    assert plain == marked
    assert plain[0].values["user_id"] == "René 𝄞"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_another_encoding_is_refused_at_the_header(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(DataInvalid, match="a column user_id"):
        rows_of(write(tmp_path / "data.csv", "\n".join([HEADER, *LINES]).encode(encoding)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "data.csv", end.join([HEADER, *LINES, ""]))
    assert ids(path) == ([f"e{at}" for at in range(6)], [])
    path = write(tmp_path / "cut.csv", end.join([HEADER, LINES[0], "bad", LINES[1]]))
    assert ids(path) == (["e0", "e1"], [3])


def test_blank_lines_are_passed_over_and_still_counted(tmp_path: Path) -> None:
    assert ids(csv(tmp_path, ["", LINES[0], "", "bad", LINES[1]])) == (["e0", "e1"], [5])


def test_a_quoted_comma_belongs_to_its_value(tmp_path: Path) -> None:
    events, _ = read(csv(tmp_path, [line("e0", merchant_id='"Shop, ""Inc"""')]))
    assert events[0].values["merchant_id"] == 'Shop, "Inc"'


def test_a_column_that_is_no_field_may_go_over_lines(tmp_path: Path) -> None:
    lines = [
        f"{HEADER},note",
        f'{LINES[0]},"one\ntwo ""x""\n\nfour"',
        f"{LINES[1]},plain",
        f'{LINES[2]},"open',
    ]
    events, letters = read(write(tmp_path / "data.csv", lines))
    assert [event.id for event in events] == ["e0", "e1"]
    assert [letter.line for letter in letters] == [7]


def test_a_file_cut_in_the_middle_of_a_row_gives_what_is_whole(tmp_path: Path) -> None:
    whole = "\n".join([HEADER, *LINES]).encode()
    for cut in range(len(whole) - len(LINES[-1]) + 1, len(whole) - len(",online") + 1):
        good, bad = ids(write(tmp_path / "data.csv", whole[:cut]))
        assert good == ["e0", "e1", "e2", "e3", "e4"]
        assert bad == [7]
