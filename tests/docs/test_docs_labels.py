"""The page about labels: what it sends is a label, and its table names the fields there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

from riskloom.domain.event import decode_json
from riskloom.domain.label import FIELDS, LabelSource, read_label

PAGE = (Path(__file__).parents[2] / "docs" / "labels.md").read_text()


def test_what_the_page_sends_are_labels() -> None:
    bodies = re.findall(r"-d '(.*?)'", PAGE, re.DOTALL)
    assert len(bodies) == 2
    for body in bodies:
        data = json.loads(body)
        for label in data if isinstance(data, list) else [data]:
            assert read_label(decode_json(json.dumps(label)))["source"] in list(LabelSource)


def test_the_pages_table_names_every_field_and_source() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert named == {field.name for field in FIELDS}
    assert "`chargeback`, `analyst`, `customer` or `rule`" in PAGE
    assert [source.value for source in LabelSource] == ["chargeback", "analyst", "customer", "rule"]
