import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msidweb.configuration.jsonc import Pairs, parse, strip

TRAPS = st.sampled_from(
    ["// no", "/* no */", "/*", "*/", ",]", ",}", '"', "\\", '\\"', "a//b", ","]
)
TEXTS = st.lists(st.one_of(TRAPS, st.text(max_size=8)), max_size=4).map("".join)
VALUES = st.recursive(
    st.one_of(TEXTS, st.booleans(), st.none(), st.integers()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
COMMENTS = st.sampled_from(
    ["", " ", "\n", '// it\'s "quoted"\n', "/* a, ] \n * b */", "/**/", "// ,}\r\n", "/* // */"]
)


def written(value, draw):
    """*value* as JSON with comments and trailing commas wherever they may stand."""
    gap = lambda: draw(COMMENTS)  # noqa: E731 - drawn anew at every use
    if isinstance(value, dict):
        items = [f"{json.dumps(k)}{gap()}:{written(v, draw)}" for k, v in value.items()]
        left, right = "{", "}"
    elif isinstance(value, list):
        items = [written(item, draw) for item in value]
        left, right = "[", "]"
    else:
        return gap() + json.dumps(value, ensure_ascii=draw(st.booleans())) + gap()
    end = draw(st.sampled_from(["", ","])) if items else ""
    return gap() + left + gap() + ",".join(items) + end + gap() + right + gap()


@settings(deadline=None)
@given(value=VALUES, data=st.data())
def test_comments_and_trailing_commas_change_no_value(value, data):
    text = written(value, data.draw)
    assert json.loads(strip(text)) == value


@settings(deadline=None)
@given(value=VALUES, data=st.data())
def test_lines_and_columns_stay_where_they_are(value, data):
    text = written(value, data.draw)
    stripped = strip(text)
    assert len(stripped) == len(text)
    assert [i for i, c in enumerate(stripped) if c == "\n"] == [
        i for i, c in enumerate(text) if c == "\n"
    ]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{\n  "a": x\n}', "f.json: line 2, column 8"),
        (b"", "f.json: line 1, column 1"),
        (b'{"a": [,]}', "f.json: line 1, column 8"),
        (b'{"a": [1,,]}', "f.json: line 1"),
        (b'{"a": 1,, "b": 2}', "f.json: line 1, column 9"),
        (b'{"a": 1} // end\n x', "f.json: line 2, column 2"),
        (b'{"a": 1 /* open', "f.json: line 1, column 9"),
        (b'{"a": "canary\n"}', "f.json: line 1, column 14"),
        (b'{"a": NaN}', "f.json"),
        (b'\n{"a": "\xff"}', "f.json: line 2"),
        (b'["a"]', "f.json: line 1"),
        (b'"canary"', "f.json: line 1"),
        (b"[" * 100_000, "f.json"),
    ],
)
def test_a_bad_file_is_one_problem_that_names_the_place_only(data, place):
    problems = []
    assert parse(data, name="f.json", problems=problems) is None
    (problem,) = problems
    assert problem.place.startswith(place)
    assert "canary" not in str(problem)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_understood(encoding):
    problems = []
    data = '{"Domäne": "ü", // ß\n "n": [1.50, true, false, null],}'.encode(encoding)
    pairs = parse(data, name="f.json", problems=problems)
    assert pairs == Pairs([("Domäne", "ü"), ("n", ["1.50", True, False, None])])
    assert problems == []
