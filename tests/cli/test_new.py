"""`riskloom new`: a scenario guessed from a file, that trains and serves as it stands."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import riskloom
from riskloom.bundle import read_bundle
from riskloom.clock import FixedClock
from riskloom.domain.event import decode_json
from riskloom.scenario.load import load_scenario
from support.columns import shop_rows
from support.databases import Database
from support.events import NOW_US, history
from support.server import serving
from support.tables import table, write_csv


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A shop's payments as a CSV file."""
    return write_csv(tmp_path / "shop.csv", shop_rows())


def small(folder: Path) -> None:
    """A smaller forest, for tests."""
    path = folder / "scenario.yaml"
    path.write_text(path.read_text().replace("trees: 200", "trees: 15"))


def test_a_file_becomes_a_folder_that_trains_scores_and_serves(run: Any, shop: Path, tmp_path: Path) -> None:
    ran = run("new", "mine", "--data", shop)
    assert ran.code == 0
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["rules.yaml", "scenario.yaml"]
    assert run("scenario", "check", "mine").code == 0
    small(tmp_path / "mine")
    assert run("train", "--scenario", "mine", "--data", shop, "--out", "bundle").code == 0
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.model is not None
    assert 300 < bundle.model.info["trained_rows"] < 600  # the rest was held back to judge by
    assert not list(tmp_path.glob("*dead-letters*"))
    row = {name: value for name, value in shop_rows()[0].items() if name != "created"}
    database = Database("sqlite", f"sqlite:///{tmp_path}/x.db", tmp_path / "data")
    with serving(database, bundle, clock=FixedClock(NOW_US)) as server:
        decision = server.score(row)  # the label is sent along, as in the file, and passed over
        assert decision["risk_score"] is not None
        assert "is_fraud" not in decision["event"]


def test_what_was_guessed_is_said_in_a_table(run: Any, shop: Path) -> None:
    ran = run("new", "mine", "--data", shop)
    said = " ".join(ran.out.split())
    for part in (
        "shop.csv: all 600 rows",
        "is_fraud │ label │ called is_fraud",
        "customer_id │ key of user, personal │ 40 keys, 15.0 events each",
        "created │ time │ times; in the order of the file",
        "amount │ amount, money │ called amount, with cents; no currency named: USD assumed",
    ):
        assert part in said
    assert (
        f"riskloom train --scenario mine --data {shop} --out mine-bundle --detector isolation_forest,lightgbm"
        in ran.err
    )
    assert "amount is taken for USD" in ran.err


def test_for_machines_it_is_plain_values(run: Any, shop: Path) -> None:
    told = run("new", "mine", "--data", shop, "--json").json
    assert told["label"]["column"] == "is_fraud"
    assert (told["time"], told["amount"], told["base_currency"]) == ("created", "amount", "USD")
    assert told["entities"]["user"] == {"column": "customer_id", "events_per_key": 15.0}
    assert told["rows"] == told["rows_of_file"] == 600
    fields = {field["name"]: field for field in told["fields"]}
    assert fields["customer_id"]["pii"]
    assert fields["kind"]["learned"]
    assert told["features"] == list(load_scenario("mine").feature_names)
    assert told["next"][0] == "riskloom scenario check mine"


@pytest.mark.parametrize(
    ("folder", "name"), [("my-shop", "my_shop"), ("2nd", "my_events"), ("läden", "l_den")]
)
def test_the_scenario_is_called_like_its_folder(run: Any, shop: Path, folder: str, name: str) -> None:
    assert run("new", folder, "--data", shop).code == 0
    assert load_scenario(folder).name == name


def test_nothing_is_overwritten(run: Any, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for folder in ("mine", "file"):
        ran = run("new", folder, "--data", shop)
        assert ran.code == 2
        assert "a new or empty folder" in ran.err
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
    assert len(list((tmp_path / "mine").iterdir())) == 1
    (tmp_path / "empty").mkdir()
    assert run("new", "empty", "--data", shop).code == 0


@pytest.mark.parametrize("sign", [";", "\t"])
def test_a_file_without_commas_becomes_the_same_scenario(
    run: Any, shop: Path, tmp_path: Path, sign: str
) -> None:
    text = shop.read_text()
    assert '"' not in text
    run("new", "commas", "--data", shop)
    shop.write_text(text.replace(",", sign))
    assert run("new", "others", "--data", shop).code == 0
    one, two = ((tmp_path / name / "scenario.yaml").read_text() for name in ("commas", "others"))
    assert one.replace("commas", "others") == two


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.csv", None, "nothing there"),
        ("empty.csv", "", "header"),
        ("header.csv", "a,b\n", "at least one row"),
        ("twice.csv", "a,a\n1,2\n", "one column a"),
        ("cut.parquet", "PAR1abc", "a Parquet file"),
        ("data.json", "{}", ".csv or .parquet"),
        ("data", "", "no ending"),
        ("constant.csv", "a\n1\n1\n", "a feature can be made of"),
        ("broken.csv", 'a,b\n"1,2\n"3,4\n', "at least one row"),
    ],
)
def test_a_file_that_cannot_be_used_is_exit_code_2_and_leaves_nothing(
    run: Any, tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    ran = run("new", "mine", "--data", name)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "mine").exists()


def test_a_folder_that_cannot_be_made_is_exit_code_1(run: Any, shop: Path) -> None:
    ran = run("new", "/proc/nowhere/mine", "--data", shop)
    assert ran.code == 1
    assert ran.err.strip().splitlines()[-1].startswith("error: ")


def test_only_the_first_rows_are_looked_at(run: Any, tmp_path: Path) -> None:
    rows = [*shop_rows(300), *({**row, "amount": "a lot"} for row in shop_rows(300))]
    data = write_csv(tmp_path / "data.csv", rows)
    told = run("new", "mine", "--data", data, "--rows", 300, "--json").json
    assert (told["rows"], told["rows_of_file"], told["amount"]) == (300, None, "amount")
    assert run("new", "all", "--data", data, "--json").json["amount"] is None


def test_rows_that_cannot_be_read_are_counted(run: Any, shop: Path) -> None:
    shop.write_text(shop.read_text() + 'o999,"2025\n')
    told = run("new", "mine", "--data", shop, "--json").json
    assert told["unreadable_rows"] == 1
    assert "1 of these rows" in told["notes"][0]


def test_a_gap_anywhere_in_a_parquet_file_makes_a_field_optional(run: Any, tmp_path: Path) -> None:
    rows = shop_rows(300)
    rows[299]["items"] = None
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet")
    told = run("new", "mine", "--data", "data.parquet", "--rows", 100, "--json").json
    required = {field["name"]: field["required"] for field in told["fields"]}
    assert (required["items"], required["kind"]) == (False, True)


def test_typed_columns_of_a_parquet_file_are_read_as_what_they_are(run: Any, tmp_path: Path) -> None:
    rows = [
        {
            "tx_id": 10**17 + n,
            "at": datetime(2025, 1, 1, tzinfo=UTC).replace(day=1 + n % 28, hour=n % 24),
            "card": f"k{n % 30}",
            "amount": n / 4,
            "ratio": None if n % 7 == 0 else n / 3,
            "count": n % 5,
            "ok": n % 2 == 0,
            "parts": [n],
            "label": n % 10 == 0,
        }
        for n in range(480)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet")
    told = run("new", "mine", "--data", "data.parquet", "--json").json
    types = {field["name"]: (field["type"], field["role"]) for field in told["fields"]}
    assert types == {
        "tx_id": ("string", "id"), "at": ("time", "time"), "card": ("string", "entity"),
        "amount": ("money", "amount"), "ratio": ("number", ""), "count": ("integer", ""),
        "ok": ("boolean", ""),
    }  # fmt: skip
    assert told["label"]["ready"]
    assert [left["column"] for left in told["left_out"]] == ["parts"]
    small(tmp_path / "mine")
    assert run("train", "--scenario", "mine", "--data", "data.parquet", "--out", "bundle").code == 0
    assert not list(tmp_path.glob("*dead-letters*"))


def test_simulated_payments_are_recognised(run: Any, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", history(400))
    told = run("new", "mine", "--data", data, "--json").json
    roles = {field["name"]: (field["type"], field["entity"]) for field in told["fields"]}
    assert roles["user_id"] == ("string", "user")
    assert roles["device_id"] == ("string", "device")
    assert roles["ip"] == ("ip", "ip")
    assert roles["merchant_id"] == ("string", "merchant")
    assert (roles["lat"][0], roles["lon"][0], roles["amount"][0]) == ("latitude", "longitude", "money")
    assert (tmp_path / "mine" / "rates.yaml").is_file()
    assert "IMPOSSIBLE_TRAVEL" in told["rules"]
    small(tmp_path / "mine")
    assert run("train", "--scenario", "mine", "--data", data, "--out", "bundle").code == 0


def odd_rows() -> list[dict[str, Any]]:
    """Payments with names, times, gaps and a label that no scenario takes as they are."""
    rows = []
    for n, row in enumerate(shop_rows()):
        when = datetime.fromisoformat(row["created"])
        rows.append(
            {
                "Order No": row["order_id"],
                "When": f"{when:%d.%m.%Y %H:%M}",
                "customer_id": row["customer_id"],
                "amount": row["amount"],
                "Card Type": ("visa", "amex")[n % 2],
                "value": n % 13,
                "age": "NA" if n % 4 == 0 else 20 + n % 50,
                "class": "fraud" if row["is_fraud"] else "normal",
            }
        )
    return rows


def test_what_no_scenario_takes_is_left_out_and_the_copy_is_offered(run: Any, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", odd_rows())
    ran = run("new", "mine", "--data", data)
    assert ran.code == 0
    assert f"riskloom new mine-mended --data {data} --copy data_mended.csv" in ran.err
    assert "--copy writes 0 and 1" in " ".join(ran.out.split())
    found = load_scenario("mine")
    assert [field.name for field in found.fields] == ["event_id", "customer_id", "amount", "When"]
    assert found.label_field == ""
    small(tmp_path / "mine")
    assert run("train", "--scenario", "mine", "--data", data, "--out", "bundle").code == 0


def test_a_copy_mends_names_times_gaps_and_the_label(run: Any, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "data.csv", odd_rows())
    told = run("new", "mine", "--data", data, "--copy", "good.csv", "--json").json
    assert told["mends"] == []
    assert (told["time"], told["label"]["column"], told["label"]["ready"]) == ("When", "class_", True)
    assert {"Order_No", "Card_Type", "value_", "age"} <= {field["name"] for field in told["fields"]}
    copied = table(tmp_path / "good.csv")
    assert len(copied) == 600
    assert copied[0]["age"] == ""
    assert datetime.fromisoformat(copied[0]["When"]).tzinfo is not None
    assert {row["class_"] for row in copied} == {"0", "1"}
    small(tmp_path / "mine")
    assert run("train", "--scenario", "mine", "--data", "good.csv", "--out", "bundle").code == 0
    assert not list(tmp_path.glob("*dead-letters*"))


def test_a_copy_makes_times_of_counted_hours(run: Any, tmp_path: Path) -> None:
    rows = [{**row, "created": n // 5} for n, row in enumerate(shop_rows())]
    for row in rows:
        row["step"] = row.pop("created")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet")
    without = run("new", "one", "--data", "data.parquet", "--json").json
    assert (without["time"], without["counted_time"]) == (None, "step")
    assert not load_scenario("one").windows
    told = run("new", "two", "--data", "data.parquet", "--copy", "timed.parquet", "--json").json
    assert told["time"] == "timestamp"
    assert "counts on with timestamp" in {left["why"] for left in told["left_out"]}
    copied = table(tmp_path / "timed.parquet")
    assert next(iter(copied[5])) == "timestamp"
    assert copied[5]["timestamp"] == datetime(2024, 1, 1, 1, tzinfo=UTC)
    assert {name: value for name, value in copied[5].items() if name != "timestamp"} == rows[5]
    assert load_scenario("two").windows


@pytest.mark.parametrize(
    ("copy", "said"),
    [
        ("good.parquet", "a file ending in .csv"),
        ("there.csv", "not there yet"),
        ("data.csv", "not there yet"),
    ],
)
def test_a_copy_that_cannot_be_written_is_refused(run: Any, tmp_path: Path, copy: str, said: str) -> None:
    write_csv(tmp_path / "data.csv", odd_rows())
    (tmp_path / "there.csv").write_text("mine")
    before = (tmp_path / "data.csv").read_bytes()
    ran = run("new", "mine", "--data", "data.csv", "--copy", copy)
    assert ran.code == 2
    assert said in ran.err
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert (tmp_path / "data.csv").read_bytes() == before
    assert not (tmp_path / "mine").exists()


def test_a_file_that_only_a_copy_makes_usable_says_so(run: Any, tmp_path: Path) -> None:
    data = write_csv(
        tmp_path / "data.csv", [{"Total Paid": n % 7 + 0.5, "class": "normal"} for n in range(50)]
    )
    ran = run("new", "mine", "--data", data)
    assert ran.code == 2
    assert "--copy FILE" in ran.err
    assert run("new", "mine", "--data", data, "--copy", "good.csv").code == 0
    assert load_scenario("mine").feature_names == ("Total_Paid_value",)


def test_a_good_file_needs_no_copy(run: Any, shop: Path) -> None:
    ran = run("new", "mine", "--data", shop, "--copy", "good.csv")
    assert ran.code == 2
    assert "leave --copy out" in ran.err


def test_times_that_cannot_be_read_far_down_the_file_are_counted(run: Any, tmp_path: Path) -> None:
    rows = odd_rows()
    rows[599]["When"] = "tomorrow"
    data = write_csv(tmp_path / "data.csv", rows)
    told = run("new", "mine", "--data", data, "--rows", 400, "--copy", "good.csv", "--json").json
    assert any("1 values of When" in note for note in told["notes"])


def test_commas_and_quotes_come_through_a_copy(run: Any, tmp_path: Path) -> None:
    texts = ['say "hi", twice', "a,b", "line"]
    rows = [{**row, "a note": texts[n % 3]} for n, row in enumerate(shop_rows(120))]
    data = write_csv(tmp_path / "data.csv", rows)
    assert run("new", "mine", "--data", data, "--copy", "good.csv").code == 0
    assert [row["a_note"] for row in table(tmp_path / "good.csv")] == [row["a note"] for row in rows]


def test_a_plain_matrix_without_time_or_keys_trains_and_scores(run: Any, tmp_path: Path) -> None:
    with (tmp_path / "matrix.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["f0", "f1", "f2", "label"])
        writer.writerows([n % 17 / 4, n * 7 % 23, -n % 5, int(n % 40 == 0)] for n in range(400))
    ran = run("new", "mine", "--data", "matrix.csv")
    assert "a split for measuring cannot go by time" in ran.err
    small(tmp_path / "mine")
    assert run("train", "--scenario", "mine", "--data", "matrix.csv", "--out", "bundle").code == 0
    answer = riskloom.load(tmp_path / "bundle").score({"f0": 1.5, "f1": 3, "f2": -2})
    assert answer["risk_score"] is not None


def test_what_is_written_reads_back_as_json_numbers_do(run: Any, shop: Path, tmp_path: Path) -> None:
    assert run("new", "mine", "--data", shop).code == 0
    schema = load_scenario("mine").schema()
    row = {**shop_rows()[3], "items": 3}
    event = schema.parse_one(decode_json(json.dumps(row)), 10**16, make_id=str)
    assert event.values["items"] == 3
