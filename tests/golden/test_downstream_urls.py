"""What leaves .NET for a base URL, a relative path and extra headers; sections of downstream.json.

The other sections of the file are replayed by the tests of the downstream layer.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from msidweb.errors import InvalidCallError
from msidweb.http import BaseUrl, guard_headers

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "downstream.json").read_text(encoding="utf-8")
)
QUERY = RECORDED["extra_query_parameters_of_the_rows_with_extra_query"]

HERE = {"urls", "extra_headers"}
ELSEWHERE = {
    "answers",
    "calls",
    "challenge_then_interaction_required",
    "claims_challenges",
    "isolation",
    "request_bodies",
    "sockets",
}
FACTS = {"versions", "extra_query_parameters_of_the_rows_with_extra_query"}

REFUSALS = {
    "refused, 3.B",
    "refused, 3.B (a space)",
    "refused at build, 3.B",
    "refused unless the API opts in, 3.B",
    "a configuration error at build",
}
SET_BY_THE_CALL = {
    # The call sets Accept before extra headers are added.
    "accept"
}


def test_every_section_is_replayed_here_or_elsewhere():
    assert set(RECORDED) == HERE | ELSEWHERE | FACTS


def _label(row: dict[str, Any]) -> str:
    return f"{row['name']}{' + query' if row.get('extra_query') else ''}"


@pytest.mark.parametrize("row", RECORDED["urls"], ids=_label)
def test_url(row):
    base, relative = row["base_url"] or "", row["relative_path"]
    query = QUERY if row["extra_query"] else None
    if reason := row.get("msidweb"):
        assert reason in REFUSALS
        with pytest.raises(InvalidCallError):
            BaseUrl.of(base).join(relative, query)
    else:
        assert BaseUrl.of(base).join(relative, query) == row["url"]


def test_encoded_slashes_are_as_recorded_where_the_api_opts_in():
    rows = [row for row in RECORDED["urls"] if row.get("msidweb", "").endswith("opts in, 3.B")]
    assert len(rows) == 2
    for row in rows:
        base = BaseUrl.of(row["base_url"], allow_encoded_slash=True)
        query = QUERY if row["extra_query"] else None
        assert base.join(row["relative_path"], query) == row["url"]


@pytest.mark.parametrize("row", RECORDED["extra_headers"], ids=lambda row: row["name"])
def test_extra_header(row):
    name, value, reason = row["name"], row["value"], row.get("msidweb", "")
    if reason == "refused, 3.16":
        with pytest.raises(InvalidCallError):
            guard_headers({name: value})
        return
    allowed, dropped = guard_headers({name: value}, taken=SET_BY_THE_CALL)
    if reason == "dropped with a warning, 3.16":
        assert [(header.name, header.reason) for header in dropped] == [(name, "reserved")]
    elif reason.startswith("free"):
        assert allowed or dropped
    else:
        assert reason == ""
        sent = row["sent"] if row["sent"].get(name) == value else {}
        assert allowed == sent
