"""Whatever text is given, a composed URL stays below its base, whoever parses it."""

from urllib.parse import unquote, urlsplit

import httpx
import yarl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from msidweb.errors import InvalidCallError
from msidweb.http import BaseUrl, path

BASES = [
    BaseUrl.of("https://api.example/v1"),
    BaseUrl.of("https://api.example"),
    BaseUrl.of("http://[::1]:8080/a/b%20c", allow_encoded_slash=True),
]
PIECES = [
    "..", ".", "/", "//", "\\", "@", ":", "?", "#", "%", "%2f", "%2F", "%2e", "%252e", "%252f",
    "%5c", "%00", "%0a", "%c0%ae", "https:", "evil.example", "a", "b", " ", "\t", "\r\n", ";", "ü",
    "\uff0e", "\u2044", "&", "=", "+", "[", "]", "\ud800", "\x00", "\u2028",
]  # fmt: skip
texts = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=2)), max_size=8).map("".join),
)
queries = st.dictionaries(texts, texts, max_size=3)


def _inside(base: BaseUrl, url: str) -> None:
    root, reading = httpx.URL(f"{base.text}/"), httpx.URL(url)
    assert (reading.scheme, reading.host, reading.port) == (root.scheme, root.host, root.port)
    assert not reading.userinfo
    assert not reading.fragment
    assert reading.raw_path.startswith(root.raw_path)
    assert str(reading) == url == str(yarl.URL(url, encoded=True))
    other = urlsplit(url)
    assert (other.scheme, other.netloc.encode()) == (root.scheme, root.netloc)
    for decoded in (other.path, unquote(other.path), unquote(unquote(other.path))):
        assert not {".", ".."} & set(decoded.replace("\\", "/").split("/"))
    assert url.isascii()
    assert url.isprintable()


@settings(deadline=None)
@given(st.sampled_from(BASES), texts, queries)
@example(BASES[0], "..%2f", {})
@example(BASES[1], "/\\evil.example", {})
@example(BASES[0], "me", {"0": "", "": ""})
def test_a_composed_url_stays_below_its_base(base, relative, query):
    try:
        url = base.join(relative, query)
    except InvalidCallError:
        return
    _inside(base, url)
    read_back = httpx.URL(url).params.multi_items()
    assert read_back[len(read_back) - len(query) :] == list(query.items())


@settings(deadline=None)
@given(st.sampled_from(BASES), texts)
def test_a_templated_value_is_one_segment(base, value):
    try:
        url = base.join(path("users/{id}/files", id=value))
    except InvalidCallError:
        return
    _inside(base, url)
    assert url.removeprefix(base.text).count("/") == 3
    assert unquote(url.removeprefix(base.text).split("/")[2]) == value


@settings(deadline=None)
@given(st.one_of(texts, texts.map("https://".__add__), texts.map("https://api.example/".__add__)))
def test_a_base_url_is_refused_or_stable(text):
    try:
        normalized = BaseUrl.of(text).text
    except InvalidCallError:
        return
    assert BaseUrl.of(normalized).text == normalized
    assert httpx.URL(normalized).scheme == "https"
