"""Bad input of every kind ends in one typed error that quotes none of it (G7)."""

import json

import pytest
from tests.support.product import caller, product_in_process

from msidweb import AcquireTokenOptions, DownstreamApiOptions, IdentityBuilder
from msidweb.configuration import Configuration
from msidweb.errors import (
    AuthenticationError,
    ConfigurationError,
    DownstreamApiError,
    InvalidCallError,
    MsidwebError,
    TokenAcquisitionError,
)
from msidweb.testing.exchange import Answer

GUID = "11111111-2222-3333-4444-555555555555"
GOOD = {"tenant_id": GUID, "client_id": GUID, "client_secret": "a secret of no worth"}


@pytest.fixture
async def product():
    async with product_in_process() as product:
        product.identity.token_acquirer._fetcher._endpoint._sleep = _no_pause
        yield product


async def _no_pause(seconds):
    assert seconds


@pytest.fixture
async def alice(product):
    return await caller(product, product.entra.add_user("alice"))


CONFIGURATIONS = {
    "nothing": {"tenant_id": None, "client_id": None},
    "instance is no URL": {"instance": "not a url \0"},
    "instance is plain http": {"instance": "http://login.example/"},
    "instance with user": {"instance": "https://a:b@login.example/"},
    "tenant with a path": {"tenant_id": "a/../b"},
    "no credential": {"client_secret": None},
    "empty secret": {"client_credentials": [{"source_type": "ClientSecret"}]},
    "unknown source": {"client_credentials": [{"source_type": "Horoscope"}]},
    "wrong type": {"client_credentials": 5},
    "typo": {"tenat_id": GUID},
    "negative skew": {"token_validation_parameters": {"clock_skew": -1}},
    "skew of a day": {"token_validation_parameters": {"clock_skew": 86_400}},
    "token of a gigabyte": {"maximum_token_size": 10**9},
}


@pytest.mark.parametrize("fields", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_bad_configuration(fields):
    builder = (
        IdentityBuilder(Configuration.of_environment(environ={}))
        .add_microsoft_identity_web_api(None, **{**GOOD, **fields})
        .enable_token_acquisition()
    )
    with pytest.raises(ConfigurationError) as caught:
        builder.build()
    assert all(problem.place and problem.message for problem in caught.value.problems)


TEXTS = (
    "",
    " ",
    ".",
    "..",
    "...",
    "a.b",
    "a.b.c",
    "a.b.c.d.e",
    "=.=.=",
    "\0",
    "é" * 9,
    "x" * 10**6,
)
FIELDS = [
    *([f"Bearer {text}"] for text in TEXTS),
    [],
    [""],
    ["Bearer"],
    ["Basic eDp5"],
    ["Bearer a.b.c", "Bearer a.b.c"],
    [b"\xff\xfe"],
    ["Bearer\ta.b.c"],
    ["Bearer a.b.c, Bearer a.b.c"],
]


@pytest.mark.parametrize("fields", FIELDS, ids=range(len(FIELDS)))
async def test_a_bad_authorization_field(product, fields):
    with pytest.raises(AuthenticationError):
        await product.identity.token_validator.validate_authorization(fields)


CLAIMS = [
    {name: value}
    for name in ("aud", "tid", "oid", "exp", "nbf", "scp", "ver", "azp")
    for value in ([], {}, [[]], 1.5, True, -1, "\0", 10**400)
]


@pytest.mark.parametrize("claims", CLAIMS, ids=lambda claims: repr(claims)[:40])
async def test_a_claim_of_any_type_is_judged_and_nothing_else(product, claims):
    user = product.entra.add_user("mallory")
    token = product.entra.user_token(user, resource=product.api, claims=claims)
    try:
        principal = await product.identity.token_validator.validate(token)
    except AuthenticationError:
        return
    # azp may be of no use; whatever is let in is of the right type.
    assert isinstance(principal.tenant_id, str)
    assert isinstance(principal.object_id, str | None)
    assert isinstance(principal.client_id, str | None)


CIRCULAR = []
CIRCULAR.append(CIRCULAR)

CALLS = {
    "scheme": {"path": "https://evil.example"},
    "other host": {"path": "//evil.example"},
    "parent": {"path": "a/../../b"},
    "encoded parent": {"path": "%2e%2e/b"},
    "control": {"path": "a\nb"},
    "surrogate in path": {"path": "\ud800"},
    "surrogate in query": {"params": {"a": "\ud800"}},
    "surrogate in body": {"content": "\ud800"},
    "body is no JSON": {"json": object()},
    "circular body": {"json": CIRCULAR},
    "two bodies": {"json": 1, "content": "1"},
    "line break in header": {"headers": {"x-a": "b\r\nc"}},
    "header is no token": {"headers": {"x a": "b"}},
    "header is a number": {"headers": {"x-a": 5}},
    "unknown keyword": {"jsn": 1},
    "foreign scope": {"scopes": ["api://other/x"]},
    "session key lost": {"session_key": AcquireTokenOptions.SESSION_KEY_AUTO},
    "model is none": {"response_model": 5},
    "timeout is negative": {"timeout": -1},
    "timeout is nothing": {"timeout": 0},
    "timeout is no number": {"timeout": float("nan")},
    "connect timeout is negative": {"connect_timeout": -1},
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_bad_call(product, alice, call):
    call = dict(call)
    with pytest.raises(InvalidCallError):
        await product.downstream("read").get_for_user(call.pop("path", "me"), user=alice, **call)


ACQUISITIONS = [
    {"tenant": "a/b"},
    {"tenant": "common"},
    {"claims": "no json"},
    {"claims": "[]"},
    {"claims": json.dumps({"a": "b" * 9_000})},
    {"correlation_id": "a b\n"},
    {"extra_headers_parameters": {"Authorization": "x"}},
    {"extra_headers_parameters": {"x": "a\nb"}},
    {"user_flow": "b2c_1"},
    {"authentication_options_name": "Other"},
    {"session_key": "a key of somebody"},
    {"extra_query_parameters": {"a": "\ud800"}},
]


@pytest.mark.parametrize("fields", ACQUISITIONS, ids=range(len(ACQUISITIONS)))
async def test_bad_options_of_an_acquisition(product, alice, fields):
    options = DownstreamApiOptions(acquire_token_options=AcquireTokenOptions(**fields))
    with pytest.raises(InvalidCallError):
        await product.downstream("read").get_for_user("me", user=alice, options=options)
    assert product.entra.wire.count("token") == 0


@pytest.mark.parametrize("scopes", [[], [""], ["a b"], ["openid"], ["\0"], [5], [None], "a b"])
async def test_bad_scopes(product, alice, scopes):
    with pytest.raises(InvalidCallError):
        await product.identity.token_acquirer.get_token_for_user(scopes, user=alice)


ENTRA = [
    *({"damage": damage} for damage in ("html", "empty", "truncated", "garbage", "array")),
    *({"status": status, "damage": "html"} for status in (201, 204, 302, 400, 403, 429, 500)),
    *(
        {"put": {name: value}}
        for name in ("access_token", "token_type", "expires_in")
        for value in (None, 5.5, [], {}, "", "\0", True, -1, 10**30)
    ),
    *({"leave_out": [name]} for name in ("access_token", "token_type", "expires_in")),
]


@pytest.mark.parametrize("fault", ENTRA, ids=lambda fault: repr(fault)[:60])
async def test_a_bad_answer_of_entra(product, alice, fault):
    product.entra.fail_next("token", times=None, **fault)
    with pytest.raises(TokenAcquisitionError):
        await product.downstream("read").get_for_user("me", user=alice)


HARMLESS = [
    {name: value}
    for name in ("scope", "client_info", "id_token", "refresh_in", "refresh_token")
    for value in (None, 5.5, [], {}, "\0", True, -1, 10**30, "e30.e30")
]


@pytest.mark.parametrize("put", HARMLESS, ids=lambda put: repr(put)[:60])
async def test_members_that_nobody_needs_may_be_anything(product, alice, put):
    product.entra.fail_next("token", times=None, put=put)

    assert (await product.downstream("read").get_for_user("me", user=alice))["scp"] == "read"


JSON = {"content-type": "application/json"}
DOWNSTREAM = {
    "no JSON": Answer(200, b"{", JSON),
    "deep JSON": Answer(200, b"[" * 100_000, JSON),
    "no UTF-8": Answer(200, b'"\xff"', JSON),
    "unknown charset": Answer(200, b"{}", {"content-type": "application/json; charset=klingon"}),
    "no gzip": Answer(200, b"{}", {**JSON, "content-encoding": "gzip"}),
    "unknown coding": Answer(200, b"{}", {**JSON, "content-encoding": "br"}),
    "another model": Answer(200, b"[]", JSON),
    "redirect": Answer(302, b"", {"location": "https://evil.example/"}),
    **{str(status): Answer(status, b"{}", JSON) for status in (300, 400, 401, 403, 404, 429, 503)},
    "mad Retry-After": Answer(429, b"", {"retry-after": "9" * 400}),
    "mad challenge": Answer(
        401, b"", {"www-authenticate": 'Bearer error="insufficient_claims", claims="////"'}
    ),
}


@pytest.mark.parametrize("answer", DOWNSTREAM.values(), ids=DOWNSTREAM)
async def test_a_bad_answer_of_a_downstream_api(product, alice, answer):
    product.echo._answer = lambda *_: answer
    with pytest.raises(DownstreamApiError) as caught:
        await product.downstream("read").get_for_user(
            "me", user=alice, response_model=dict[str, int]
        )
    assert caught.value.status_code == answer.status


@pytest.mark.parametrize("endpoint", ["metadata", "keys"])
@pytest.mark.parametrize("damage", ["html", "empty", "truncated", "garbage", "array"])
async def test_bad_documents_of_the_authority(product, endpoint, damage):
    product.entra.fail_next(endpoint, times=None, damage=damage)
    with pytest.raises(MsidwebError) as caught:
        await caller(product, product.entra.add_user("alice"))
    assert caught.value.response_status == 503
