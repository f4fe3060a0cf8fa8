import pytest

from msidweb.errors import InvalidCallError
from msidweb.http import BaseUrl, path

BASE = "https://api.example/v1"


@pytest.mark.parametrize(
    ("given", "normalized"),
    [
        ("https://api.example", "https://api.example"),
        ("https://api.example/", "https://api.example"),
        ("HTTPS://API.Example:443/V1//", "https://api.example/V1"),
        ("https://api.example:8443/v1", "https://api.example:8443/v1"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://[2001:db8::1]/v1", "https://[2001:db8::1]/v1"),
        ("https://10.0.0.1", "https://10.0.0.1"),
        ("http://localhost:5000/api", "http://localhost:5000/api"),
        ("http://127.8.8.8", "http://127.8.8.8"),
        ("http://[::1]:80/", "http://[::1]"),
    ],
)
def test_a_base_url_is_normalized(given, normalized):
    assert BaseUrl.of(given).text == normalized


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("", "not an absolute URL"),
        ("api.example/v1", "not an absolute URL"),
        ("/v1", "not an absolute URL"),
        ("://api.example", "not an absolute URL"),
        ("ftp://api.example", "not an https URL"),
        ("file:///etc/passwd", "not an https URL"),
        ("http://api.example", "plain http to a host that is not loopback"),
        ("http://localhost.evil.example", "plain http"),
        ("http://127.0.0.1.evil.example", "plain http"),
        ("https://user:secret@api.example", "user information"),
        ("https://api.example?secret=1", "a query"),
        ("https://api.example/v1?", "a query"),
        ("https://api.example#secret", "a fragment"),
        ("https://api.example\\@evil.example", "a backslash"),
        ("https://api.example /v1", "a space"),
        (" https://api.example", "a space"),
        ("https://api.example\n", "a control character"),
        ("https://api.example/\ud800", "half of a surrogate pair"),
        ("https://api.example/a/../b", "a '.' or '..' segment"),
        ("https://api.example/%2e%2e/b", "a '.' or '..' segment"),
        ("https://api.example/a%2Fb", "an encoded slash"),
        ("https://api.example:99999", "no valid port"),
        ("https://api.example:0", "no valid port"),
        ("https://api.example:x", "not a valid URL"),
        ("https://[::1", "not a valid URL"),
        ("https://\uff11\uff12\uff17.0.0.1/", "not a valid URL"),
        ("https://", "no valid host"),
        ("https:///v1", "no valid host"),
        ("https://-api.example", "no valid host"),
        ("https://api..example", "no valid host"),
        ("https://api.example.", "no valid host"),
        ("https://a,b", "no valid host"),
        ("https://169.254.169.254/latest", "link-local or metadata address"),
        ("https://168.63.129.16", "link-local or metadata address"),
        ("https://[fd00:ec2::254]/", "link-local or metadata address"),
        ("https://[fe80::1]/", "link-local or metadata address"),
        ("https://[::ffff:169.254.169.254]/", "link-local or metadata address"),
        ("https://[64:ff9b::a9fe:a9fe]/", "link-local or metadata address"),
        ("https://[2002:a9fe:a9fe::]/", "link-local or metadata address"),
        ("https://169。254。169。254/", "link-local or metadata address"),
        ("https://0.0.0.0", "link-local or metadata address"),
        ("https://2852039166/", "IP address in an unusual form"),
        ("https://0xA9FEA9FE/", "IP address in an unusual form"),
        ("https://169.254.43518/", "IP address in an unusual form"),
        ("https://a.0x1", "IP address in an unusual form"),
    ],
)
def test_a_base_url_that_cannot_be_right_is_refused(given, complaint):
    with pytest.raises(InvalidCallError, match=complaint) as caught:
        BaseUrl.of(given)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("relative", "url"),
    [
        ("", f"{BASE}/"),
        ("/", f"{BASE}/"),
        ("me", f"{BASE}/me"),
        ("/me", f"{BASE}/me"),
        ("me/", f"{BASE}/me/"),
        ("a//b", f"{BASE}/a//b"),
        ("users/me@contoso.com", f"{BASE}/users/me@contoso.com"),
        ("users/a:b@c", f"{BASE}/users/a:b@c"),
        ("me/drive/root:/docs/x.txt:/content", f"{BASE}/me/drive/root:/docs/x.txt:/content"),
        ("/documents:translate", f"{BASE}/documents:translate"),
        ("$batch", f"{BASE}/$batch"),
        (".well-known/x", f"{BASE}/.well-known/x"),
        ("a/...", f"{BASE}/a/..."),
        ("v1.0/a..b", f"{BASE}/v1.0/a..b"),
        ("ü", f"{BASE}/%C3%BC"),
        ("a%20b", f"{BASE}/a%20b"),
        ('items("<x>")', f"{BASE}/items(%22%3Cx%3E%22)"),
        ("100%25", f"{BASE}/100%25"),
        ("%25ff", f"{BASE}/%25ff"),
        ("?q=1", f"{BASE}/?q=1"),
        ("me?", f"{BASE}/me"),
        ("me?a=1?b=2", f"{BASE}/me?a=1?b=2"),
        ("me?a=../x//y", f"{BASE}/me?a=../x//y"),
        ("me?$filter=name eq 'x'", f"{BASE}/me?$filter=name%20eq%20'x'"),
        ("me?like=100%", f"{BASE}/me?like=100%25"),
        ("me?q=ü+%2B", f"{BASE}/me?q=%C3%BC+%2B"),
        ("me?u=https://other.example/x", f"{BASE}/me?u=https://other.example/x"),
    ],
)
def test_a_relative_path_is_joined(relative, url):
    assert BaseUrl.of(BASE).join(relative) == url


@pytest.mark.parametrize(
    ("relative", "complaint"),
    [
        ("https://evil.example/x", "names a scheme"),
        ("HTTPS:evil", "names a scheme"),
        ("javascript:alert(1)", "names a scheme"),
        ("/https://evil.example", "names a scheme"),
        ("//evil.example/x", "starts with '//'"),
        ("///x", "starts with '//'"),
        ("/\\evil.example", "a backslash"),
        ("\\\\evil.example", "a backslash"),
        ("me?x=\\", "a backslash"),
        ("me\r\nHost: evil", "a control character"),
        ("me\x00", "a control character"),
        ("me?x=\n", "a control character"),
        ("a b", "a space"),
        ("me#x", "a fragment"),
        ("me?x=#y", "a fragment"),
        ("@evil.example", "user information"),
        ("1:2@evil.example/x", "user information"),
        ("\ud800", "half of a surrogate pair"),
        ("..", "'..' segment"),
        (".", "'..' segment"),
        ("../other", "'..' segment"),
        ("a/../../b", "'..' segment"),
        ("a//b/./c", "'..' segment"),
        ("..;/admin", "'..' segment"),
        ("a/..;x=1/admin", "'..' segment"),
        ("%2e%2e/admin", "'..' segment"),
        (".%2E/admin", "'..' segment"),
        ("%252e%252e/admin", "'..' segment"),
        ("..%20/admin", "'..' segment"),
        ("..%3b/admin", "'..' segment"),
        ("a%2Fb", "an encoded slash"),
        ("a%252fb", "an encoded slash"),
        ("..%2fadmin", "an encoded slash"),
        ("a%5Cb", "an encoded backslash"),
        ("a%255cb", "an encoded backslash"),
        ("a%00", "an encoded control character"),
        ("a%2500", "an encoded control character"),
        ("a%0d%0ab", "an encoded control character"),
        ("a%", "a '%' that begins no escape"),
        ("a%zz", "a '%' that begins no escape"),
        ("%c0%ae%c0%ae/admin", "escapes that are not UTF-8"),
    ],
)
def test_a_relative_path_that_could_lead_elsewhere_is_refused(relative, complaint):
    with pytest.raises(InvalidCallError, match=complaint) as caught:
        BaseUrl.of(BASE).join(relative)
    assert "evil" not in str(caught.value)


def test_encoded_slashes_pass_where_the_api_opts_in():
    base = BaseUrl.of(BASE, allow_encoded_slash=True)
    assert base.join("Items('a%2Fb')") == f"{BASE}/Items('a%2Fb')"


@pytest.mark.parametrize("relative", ["..%2Fadmin", "a%2F..%2Fb", "a%5Cb", "a%2F.."])
def test_the_opt_in_opens_no_way_up(relative):
    base = BaseUrl.of(BASE, allow_encoded_slash=True)
    with pytest.raises(InvalidCallError):
        base.join(relative)


@pytest.mark.parametrize(
    ("relative", "query", "url"),
    [
        ("me", {}, f"{BASE}/me"),
        ("me", {"a b": "1+/?&=ü~"}, f"{BASE}/me?a%20b=1%2B%2F%3F%26%3D%C3%BC~"),
        ("me?x=1", {"y": ""}, f"{BASE}/me?x=1&y="),
        ("me?", {"y": "1"}, f"{BASE}/me?y=1"),
        ("me", {"a": "1", "b": "2"}, f"{BASE}/me?a=1&b=2"),
    ],
)
def test_a_query_is_escaped_and_appended(relative, query, url):
    assert BaseUrl.of(BASE).join(relative, query) == url


def test_a_query_value_that_is_no_text_is_refused():
    with pytest.raises(InvalidCallError, match="surrogate"):
        BaseUrl.of(BASE).join("me", {"a": "\udfff"})


def test_a_path_template_quotes_its_values():
    assert path("users/{id}/files/{name}", id=7, name="a b/ü") == "users/7/files/a%20b%2F%C3%BC"


@pytest.mark.parametrize("value", ["..", "a/b", "a\\b", "\x00"])
def test_a_quoted_value_does_not_lead_elsewhere(value):
    with pytest.raises(InvalidCallError):
        BaseUrl.of(BASE).join(path("users/{id}/x", id=value))


@pytest.mark.parametrize(
    ("template", "values", "complaint"),
    [
        ("users/{id}", {}, "differ in: id"),
        ("users", {"id": 1}, "differ in: id"),
        ("users/{id}", {"id": ""}, "'id' in a path is empty"),
        ("users/{id}", {"id": None}, "'id' in a path is empty"),
    ],
)
def test_a_template_and_its_values_must_fit(template, values, complaint):
    with pytest.raises(InvalidCallError, match=complaint):
        path(template, **values)


def test_a_template_reaches_no_attribute():
    assert path("{id}/{id.__class__}", id="x") == "x/{id.__class__}"
