"""cache_keys.json: the names of L2 keys, which are our partitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from msidweb.cache import app_partition
from msidweb.principal import Assertion

GOLDEN = json.loads((Path(__file__).parent / "cache_keys.json").read_text())
CLIENT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"

LATER = {"session": "later: sessions"}


def test_every_row_is_replayed_or_listed() -> None:
    assert {row["category"] for row in GOLDEN["rows"]} - set(LATER) == {"obo", "app", "components"}


@pytest.mark.parametrize(
    "row",
    [row for row in GOLDEN["rows"] if row["category"] not in LATER],
    ids=lambda row: f"{row['category']}: {row['name']}",
)
def test_partition_names(row: dict[str, Any]) -> None:
    if row["flow"] == "obo":
        assertion = row["assertion"]
        named = GOLDEN["assertions"].get(assertion.strip("{}"), assertion)
        assert Assertion(named).digest == row["key"]
        return
    components = tuple(row.get("components", {}).items())
    ours = app_partition(CLIENT, row["tenant_segment"], components)
    assert ours == row["key"]
