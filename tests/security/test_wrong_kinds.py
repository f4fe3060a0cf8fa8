"""Whatever a public parameter is given, it is taken as documented or ends in a typed error.

The parameters are read off the signatures, so a new one is tried without a line here, and fails
where it needs a good value or takes one of the wrong ones.
"""

import contextlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tests.support.product import caller, product_in_process
from tests.support.several_schemes import KEY, Service
from tests.support.signing import CLIENT, NOW, TENANT, user_claims

from msidweb import (
    Configuration,
    DownstreamApiOptions,
    IdentityBuilder,
    IdentityOptions,
    MicrosoftIdentityOptions,
    Requirement,
    testing,
)
from msidweb.downstream import DownstreamApi, NamedDownstreamApi
from msidweb.downstream.arguments import AppCall, UserCall
from msidweb.errors import InvalidCallError, MsidwebError
from msidweb.integrations import starlette
from msidweb.integrations.fastapi import EntraAuth
from msidweb.integrations.web import accepting
from msidweb.principal import principal_scope
from msidweb.testing import EntraEmulator, EntraSandbox, FederatedIssuer, SigningKey
from msidweb.testing.downstream import echo
from msidweb.testing.entra.faults import FaultDetails
from msidweb.testing.exchange import Answer, Request

VALUES = {
    "None": None,
    "3": 3,
    "3.5": 3.5,
    "''": "",
    "'x'": "x",
    "b'x'": b"x",
    "[]": [],
    "[3]": [3],
    "[[]]": [[]],
    "{}": {},
    "object()": object(),
}

NOTHING = {"None"}
TEXT = {"''", "'x'"}
NAMES = {*TEXT, "[]", "{}"}
"""A list is any iterable of texts, and an empty one of any kind is one."""

TAKEN = {
    # Of calls of an API.
    "connect_timeout": {*NOTHING, "3", "3.5"},
    "content": {*NOTHING, *TEXT, "b'x'"},
    "content_type": {*NOTHING, *TEXT},
    "data": {*NOTHING, "{}"},
    "files": {*NOTHING, "[]", "{}"},
    "serializer": NOTHING,
    "deserializer": NOTHING,
    "customize_request": NOTHING,
    "stream": set(),
    "base_url": NOTHING,
    "for_app": set(),
    "headers": {*NOTHING, "{}"},
    "json": VALUES.keys() - {"object()"},
    "options": NOTHING,
    "params": {*NOTHING, "{}"},
    "path": {*NOTHING, *TEXT},
    "read_timeout": {*NOTHING, "3", "3.5"},
    "response_model": NOTHING,
    "session_key": NOTHING,
    "timeout": {*NOTHING, "3", "3.5"},
    "user": NOTHING,
    # Looked at when a token is asked for.
    "auth.session_key": {*NOTHING, *TEXT},
    # A scope, as far as can be told here.
    "create_authorization_header_for_user.scopes": {"'x'"},
    "get_token_for_user.scopes": {"'x'"},
    # No scopes: a call without a token.
    "DownstreamApi.scopes": {*NOTHING, "[]"},
    "NamedDownstreamApi.scopes": {*NOTHING, "[]"},
    # Of validation; what is empty is no query.
    "query_string": {*NOTHING, *TEXT, "b'x'", "[]", "{}"},
    "fields": {"[]", "''", "{}"},
    # Of the builder, whose build() is part of what is tried.
    "IdentityBuilder.configuration": NOTHING,
    "IdentityBuilder.scheme": {*NOTHING, *TEXT},
    "IdentityBuilder.name": TEXT,
    "add_http_client.source": NOTHING,
    "add_in_memory_token_caches.configure": NOTHING,
    "add_microsoft_identity_web_api.source": NOTHING,
    "bind.section": {"''", "'x'"},
    "configure": NOTHING,
    "credentials": {"[]"},
    "environ": {*NOTHING, "{}"},
    "environment": {*NOTHING, *TEXT},
    "from_appsettings.path": {*NOTHING, "''"},
    # Of requirements and of web applications.
    "any_role": NAMES,
    "any_scope": NAMES,
    "clients": NAMES,
    "Requirement.scopes": NAMES,
    "EntraAuth.scopes": NAMES,
    "EntraGuard.any_role": {*NOTHING, *NAMES},
    "EntraGuard.any_scope": {*NOTHING, *NAMES},
    "EntraGuard.scopes": {*NOTHING, *NAMES},
    "scheme": NOTHING,
    "schemes": NOTHING,
    "scheme.name": NOTHING,
    "docs_client_id": {*NOTHING, *TEXT},
    "swagger_assets": NOTHING,
}
"""What each parameter takes, by ``method.parameter``, ``Class.parameter`` or ``parameter``."""


async def outcome(call):
    """None for a call that went well, else the error."""
    try:
        result = call()
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, contextlib.AbstractContextManager):
            with result:
                pass
    except Exception as error:  # noqa: BLE001 - told apart by the test
        return error


KEYWORDS = {"fail_next": FaultDetails}
"""What functions take besides, where their signature has it in a type of its own."""


def found_in(table, owner, method, parameter):
    """The most special entry of *table*, or None."""
    keys = (f"{method}.{parameter}", f"{owner}.{parameter}", parameter)
    return next((table[key] for key in keys if key in table), None)


def parameters(function):
    """Their names; the keywords of an API's calls among them."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            yield parameter.name
        elif parameter.name == "call":
            keywords = AppCall if function.__name__.endswith("_app") else UserCall
            yield from keywords.__optional_keys__
        elif function.__name__ in KEYWORDS:
            yield from KEYWORDS[function.__name__].__optional_keys__


async def complaints(owner, call, function, good, *, method=None, taken=TAKEN):
    """What is wrong with how *function* takes wrong kinds; *call* calls it with keywords.

    The *good* values are those with which the call goes well, so that each of the wrong ones is
    what it fails of.
    """
    method = method or function.__name__
    known = list(parameters(function))
    usual = {name: found_in(good, owner, method, name) for name in known}
    usual = {name: value for name, value in usual.items() if value is not None}
    if (error := await outcome(lambda: call(**usual))) is not None:
        yield f"{owner}.{method}({', '.join(usual)}) should go well and ends in {error!r}"
    for parameter in known:
        for shown, value in VALUES.items():
            error = await outcome(lambda given={**usual, parameter: value}: call(**given))
            where = f"{owner}.{method}({parameter}={shown})"
            if error is None and shown not in (found_in(taken, owner, method, parameter) or ()):
                yield f"{where} is taken"
            if error is not None and not isinstance(error, MsidwebError):
                yield f"{where} ends in {error!r}"


async def complaints_of(thing, good, *, leave_out=()):
    """The same for every public method of *thing*."""
    for name, function in inspect.getmembers(type(thing), inspect.isfunction):
        if not name.startswith("_") and name not in leave_out:
            method = getattr(thing, name)
            async for complaint in complaints(type(thing).__name__, method, function, good):
                yield complaint


@pytest.fixture
async def product():
    async with product_in_process(AppHomeTenantId=EntraEmulator().tenant.id) as product:
        yield product


@pytest.fixture
async def alice(product):
    alice = await caller(product, product.entra.add_user("alice"))
    with principal_scope(alice):
        yield alice


@contextlib.asynccontextmanager
async def own(app):
    yield app


async def test_what_an_identity_hands_out(product, alice):
    identity = product.identity
    good = {
        "scopes": [f"{product.partner.app_id_uri}/read"],
        "scope": f"{product.partner.app_id_uri}/.default",
        "fields": [f"Bearer {alice.assertion.token}"],
        "token": alice.assertion.token,
        "own": own,
        "name": "Entra",
        "scheme.name": "Bearer",
        "api": "Partner-read",
        "principal": alice,
    }
    things = (
        identity,
        identity.lifespan,
        identity.token_validator,
        identity.token_acquirer,
        identity.authorization_header_provider,
    )

    # An identity is opened and closed by its owner, here the product.
    found = [
        complaint
        for thing in things
        async for complaint in complaints_of(thing, good, leave_out=("open", "aclose"))
    ]

    assert not found, "\n".join(found)


async def test_what_an_identity_of_two_schemes_hands_out():
    service = Service(
        NOW,
        {
            None: {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": "of no worth"},
            "Second": {"tenant_id": GUID, "client_id": GUID, "client_secret": "of no worth"},
        },
    )
    async with service.identity as identity:
        token = KEY.token(user_claims())
        good = {
            "scopes": ["api://partner/read"],
            "scope": "api://partner/.default",
            "fields": [f"Bearer {token}"],
            "token": token,
        }
        first = (identity.token_acquirer, identity.authorization_header_provider)
        second = (
            identity.scheme("Second").token_acquirer,
            accepting(identity, schemes=["Bearer", "Second"]).token_validator,
        )
        foreign = KEY.token(user_claims(aud=GUID, tid=GUID, iss=f"{LOGIN}/{GUID}/v2.0"))
        found = []
        for name, caller_token, things in (("Bearer", token, first), ("Second", foreign, second)):
            with principal_scope(
                await identity.scheme(name).token_validator.validate(caller_token)
            ):
                for thing in things:
                    found += [text async for text in complaints_of(thing, good)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", [DownstreamApi, NamedDownstreamApi])
async def test_calls_of_an_api(product, alice, kind):
    assert alice
    apis = product.identity.downstream_api
    thing = apis if kind is DownstreamApi else apis.named("Partner-read")

    good = {"name": "Partner-read", "api": "Partner-read"}
    for method in dir(thing):
        if method.endswith("_for_app"):
            good[f"{method}.scopes"] = [f"{product.partner.app_id_uri}/.default"]

    found = [text async for text in complaints_of(thing, good)]

    assert not found, "\n".join(found)


GUID = "11111111-2222-3333-4444-555555555555"
LOGIN = "https://login.microsoftonline.com"
WEB_API = MicrosoftIdentityOptions(tenant_id=GUID, client_id=GUID, client_secret="of no worth")
ENVIRON = {
    "AzureAd__TenantId": GUID,
    "AzureAd__ClientId": GUID,
    "AzureAd__ClientSecret": "of no worth",
    "DownstreamApis__Partner__BaseUrl": "https://partner.example",
}


def chain():
    builder = IdentityBuilder(Configuration.of_environment(environ=ENVIRON))
    return builder.add_microsoft_identity_web_api(WEB_API).enable_token_acquisition()


async def test_the_builder():
    good = {
        "name": "A",
        "hook": print,
        "callback": print,
        "provider": str,
        "bind.section": "AzureAd",
        "options": MicrosoftIdentityOptions(),
        "add_downstream_api.source": DownstreamApiOptions(base_url="https://a.example"),
    }
    found = []
    for name, function in inspect.getmembers(IdentityBuilder, inspect.isfunction):
        # A part is whatever the caller wants in the place of ours.
        if name.startswith("_") or name == "override":
            continue

        def call(*, which=name, **given):
            builder = chain()
            getattr(builder, which)(**given)
            return builder.build()

        found += [text async for text in complaints("IdentityBuilder", call, function, good)]

    assert not found, "\n".join(found)


async def test_the_start_of_a_chain():
    starts = {
        "IdentityBuilder": (IdentityBuilder, IdentityBuilder.__init__),
        "from_appsettings": (IdentityBuilder.from_appsettings,) * 2,
        "from_options": (IdentityBuilder.from_options,) * 2,
    }
    good = {"options": IdentityOptions()}
    found = []
    for name, (start, function) in starts.items():

        def call(*, start=start, **given):
            return start(**given).add_microsoft_identity_web_api(WEB_API).build()

        found += [
            text async for text in complaints("IdentityBuilder", call, function, good, method=name)
        ]

    assert not found, "\n".join(found)


async def one_item():
    yield 1


async def test_web_applications(product, alice):
    entra = EntraAuth(product.identity)
    good = {"identity": product.identity, "app": FastAPI(), "name": "Partner-read"}
    good |= {"principal": alice, "any_scope": "a", "items": one_item()}
    classes = (
        EntraAuth,
        starlette.EntraBackend,
        starlette.EntraGuard,
        starlette.EntraMiddleware,
        starlette.ErrorAnswers,
    )
    found = [text async for text in complaints_of(entra, good)]
    for kind in classes:
        found += [text async for text in complaints(kind.__name__, kind, kind.__init__, good)]
    good["app"] = Starlette()
    found += [
        text async for text in complaints("starlette", starlette.install, starlette.install, good)
    ]

    assert not found, "\n".join(found)


async def test_requirements(alice):
    requirement = Requirement("access_as_user", caller="user")

    found = [text async for text in complaints_of(requirement, {"principal": alice})]
    found += [
        text
        async for text in complaints(
            "Requirement", Requirement, Requirement.__init__, {"clients": "c", "scopes": "a"}
        )
    ]

    assert not found, "\n".join(found)


@dataclass(frozen=True)
class Of:
    """A good value that is made for each call, of the sandbox that the call is made in."""

    make: Callable[[EntraSandbox], object]


def sign_in_url(entra):
    fields = {
        "client_id": entra.public_client.client_id,
        "response_type": "code",
        "redirect_uri": "http://localhost",
        "scope": "openid",
    }
    return f"{entra.authority()}/oauth2/v2.0/authorize?{urlencode(fields)}"


def user_code(entra):
    fields = {"client_id": entra.public_client.client_id, "scope": "openid"}
    answer = TestClient(entra).post(f"{entra.authority()}/oauth2/v2.0/devicecode", data=fields)
    return answer.json()["user_code"]


def registered_certificate(entra):
    app = entra.sample.api
    entra.register_certificate(app, REGISTERED_KEY.certificate)
    return REGISTERED_KEY.certificate


REGISTERED_KEY = SigningKey.generate()

OF_A_SANDBOX = {
    # Of what is made.
    "App.name": "x",
    "App.client_id": GUID,
    "App.tenant": Of(lambda entra: entra.tenant),
    "App.app_id_uri": "api://x",
    "FederatedIssuer.url": "https://cluster.example",
    "LocalServer.app": echo,
    "Sample.api": Of(lambda entra: entra.sample.api),
    "Sample.partner": Of(lambda entra: entra.sample.partner),
    "Sample.spa": Of(lambda entra: entra.sample.spa),
    "Sample.web": Of(lambda entra: entra.sample.web),
    "Sample.daemon": Of(lambda entra: entra.sample.daemon),
    "Sample.alice": Of(lambda entra: entra.sample.alice),
    "Sample.bob": Of(lambda entra: entra.sample.bob),
    "SigningKey.kid": "x",
    "SigningKey.private": REGISTERED_KEY.private,
    "SigningKey.certificate": REGISTERED_KEY.certificate,
    "Tenant.id": GUID,
    "Tenant.domain": "fabrikam.example",
    "User.name": "x",
    "User.upn": "x@fabrikam.example",
    "User.oid": GUID,
    "User.tid": GUID,
    "WireRequest.at": 1,
    "WireRequest.method": "GET",
    "WireRequest.path": "/",
    "WireRequest.query": {},
    "WireRequest.headers": {},
    "WireRequest.form": {},
    "WireRequest.correlation_id": GUID,
    "WireRequest.status": 200,
    "sample_tenant.entra": Of(lambda _: EntraEmulator()),
    "serve_tls.app": echo,
    "settings": {"AzureAd": {"ClientId": GUID}},
    # Of methods.
    "access_challenge.claims": {"oid": "x"},
    "add_app.name": "another",
    "add_tenant.name": "fabrikam",
    "add_user.name": "carol",
    "app": Of(lambda entra: entra.sample.api),
    "assign.client": Of(lambda entra: entra.sample.spa),
    "assign.resource": Of(lambda entra: entra.sample.api),
    "assign.roles": [],
    "async_client.app": Starlette(),
    "async_client.identity": Of(lambda _: chain().build()),
    "certificate": REGISTERED_KEY.certificate_pem,
    "challenge_next.claims": "{}",
    "client": Of(lambda entra: entra.sample.api),
    "client.app": Starlette(),
    "client.identity": Of(lambda _: chain().build()),
    "concerns": str,
    "details": {"code": 50076},
    "document": {},
    "endpoint": "token",
    "entra": Of(lambda entra: entra),
    "flaw": "expired",
    "forge": lambda token, _: token,
    "form": {},
    "host": "login.microsoftonline.us",
    "issuer": FederatedIssuer("https://cluster.example"),
    "jwk.cloud": "microsoftonline.com",
    "jwk.issuer": "https://issuer.example",
    "kid": Of(lambda entra: entra.keys[0].kid),
    "lift_policy.policy": Of(lambda entra: entra.block_access(entra.sample.api)),
    "now": 1,
    "platform": "spa",
    "record.at": 1,
    "record.code": 50076,
    "record.correlation_id": GUID,
    "record.request": Request("GET", "/", {}, {}),
    "record.status": 200,
    "remove_certificate.certificate": Of(registered_certificate),
    "resource": Of(lambda entra: entra.sample.partner),
    "resource.name": "another",
    "resource.uri": "api://another",
    "respond": echo,
    "scope.name": "read",
    "seconds": 1,
    "served_at.base_url": "https://localhost:1",
    "service": Of(lambda _: chain().build()),
    "service.scheme": "Bearer",
    "sign.claims": {},
    "spoil.answer": Answer(),
    "step_up.claims": "{}",
    "subject": "x",
    "tenant_id": GUID,
    "token": Of(lambda entra: entra.token()),
    "uri": "https://localhost/",
    "url": Of(sign_in_url),
    "user": Of(lambda entra: entra.sample.alice),
    "user.name": "carol",
    "user_code": Of(user_code),
}
"""A good value for each parameter that must be given, by the same keys."""

NUMBERS = {"3", "3.5"}
EMPTY = {"[]", "{}"}

TAKEN_BY_THE_TEST_KIT = {
    "__init__.tenant": TEXT,
    "SigningKey.certificate": {"b'x'"},
    "admin_scopes": EMPTY,
    "App.admin_scopes": set(),
    "App.certificates": {"[]"},
    "App.federated_credentials": {"[]"},
    "App.identifier_uris": set(),
    "App.known_clients": set(),
    "App.redirect_uris": {"[]"},
    "App.roles": set(),
    "App.scopes": set(),
    "App.secrets": {"[]"},
    "app_id_uri": TEXT,
    "at": NUMBERS,
    "at.policy": TEXT,
    "audience": TEXT,
    "authentication_context": TEXT,
    "authentication_contexts": EMPTY,
    "authority.tenant": TEXT,
    "base_url": TEXT,
    "challenge_next.claims": TEXT,
    "claims": {"{}"},
    "client_id": TEXT,
    "client_secret": TEXT,
    "cloud": TEXT,
    "code": {"3"},
    "common_name": TEXT,
    "correlation_id": TEXT,
    "count.endpoint": TEXT,
    "details": {"{}"},
    "document": VALUES.keys() - {"b'x'", "object()"},
    "domain": TEXT,
    "error": TEXT,
    "expires_at": NUMBERS,
    "expires_in": NUMBERS,
    "fail_next.claims": TEXT,
    "Fault.claims": TEXT,
    "Fault.leave_out": set(),
    "for_seconds": NUMBERS,
    "form": {"{}"},
    "grant_type": TEXT,
    "guest_in": EMPTY,
    "header": {"{}"},
    "headers": {"{}"},
    "headers.user": TEXT,
    "host": TEXT,
    "hosts": EMPTY,
    "id": TEXT,
    "identifier_uris": EMPTY,
    "jwk.issuer": TEXT,
    "kid": TEXT,
    "known_clients": EMPTY,
    "latency": NUMBERS,
    "leave_out": EMPTY,
    "method": TEXT,
    "name": TEXT,
    "now": NUMBERS,
    "oid": TEXT,
    "password": TEXT,
    "path": TEXT,
    "permissions": {"{}"},
    "port": {"3"},
    "put": {"{}"},
    "query": {"{}"},
    "record.code": {"3", *NOTHING},
    "record.endpoint": TEXT,
    "redirect_uris": {"{}"},
    "retry_after": NUMBERS,
    "roles": EMPTY,
    "scheme": TEXT,
    "scope": TEXT,
    "scopes": EMPTY,
    "seconds": NUMBERS,
    "settings": {"{}"},
    "StandInApi.resource": NOTHING,
    "status": {"3"},
    "step_up.claims": {*NOTHING, *TEXT},
    "suberror": TEXT,
    "subject": TEXT,
    "tenant_id": TEXT,
    "tid": TEXT,
    "times": {"3", *NOTHING},
    "to.endpoint": TEXT,
    "token": TEXT,
    "token.user": TEXT,
    "token_endpoint.tenant": TEXT,
    "until": NUMBERS,
    "upn": TEXT,
    "uri": TEXT,
    "url": TEXT,
    "User.guest_in": {"{}"},
    "user_code": TEXT,
    "WireRequest.endpoint": TEXT,
}
"""What each takes, by the same keys; and None where that is what it is if it is not given."""


def taken_by(owner, method, function):
    for name, parameter in inspect.signature(function).parameters.items():
        none = NOTHING if parameter.default is None else set()
        known = found_in(TAKEN_BY_THE_TEST_KIT, owner, method, name) or set()
        yield f"{method}.{name}", known | none


THINGS = {
    "App": lambda entra: entra.sample.api,
    "DownstreamEcho": lambda entra: testing.DownstreamEcho(entra, entra.sample.partner),
    "EntraEmulator": lambda entra: entra,
    "EntraSandbox": lambda entra: entra,
    "Fault": lambda _: testing.Fault("token"),
    "FederatedIssuer": lambda _: FederatedIssuer("https://cluster.example"),
    "LocalServer": testing.serve_tls,
    "ManualClock": lambda entra: entra.clock,
    "Sample": lambda entra: entra.sample,
    "SigningKey": lambda _: REGISTERED_KEY,
    "StandInApi": lambda entra: testing.StandInApi(entra, entra.sample.partner),
    "Tenant": lambda entra: entra.tenant,
    "User": lambda entra: entra.sample.alice,
    "Wire": lambda entra: entra.wire,
}
"""What the methods of each class are tried on."""


def public_functions(kind):
    """The methods and class methods that are the class's own, or of no other public class."""
    public = [getattr(testing, name) for name in testing.__all__]
    known = {name for base in kind.__mro__[1:] if base in public for name in dir(base)}
    for name, member in inspect.getmembers(kind, callable):
        if name not in known and not name.startswith("_") and list(parameters(member)):
            yield name, member


def in_a_sandbox(call):
    """*call* with a sandbox of its own each time, where nothing was done before."""

    def alone(**given):
        with EntraSandbox() as entra:
            made = {
                name: value.make(entra) if isinstance(value, Of) else value
                for name, value in given.items()
            }
            call(entra, **made)

    return alone


@pytest.mark.parametrize("name", testing.__all__)
async def test_the_test_kit(name):
    thing = getattr(testing, name)
    tried = {name: thing}
    if isinstance(thing, type):
        tried = {"__init__": thing.__init__, **dict(public_functions(thing))}
    found = []
    for method, function in tried.items():

        def call(sandbox, /, *, which=method, **given):
            called = thing if which in {name, "__init__"} else getattr(THINGS[name](sandbox), which)
            called(**given)

        taken = TAKEN_BY_THE_TEST_KIT | dict(taken_by(name, method, function))
        found += [
            text
            async for text in complaints(
                name, in_a_sandbox(call), function, OF_A_SANDBOX, method=method, taken=taken
            )
        ]

    assert not found, "\n".join(found)


async def test_the_test_kit_knows_its_own_from_those_of_another():
    with EntraSandbox() as entra, EntraSandbox() as other:
        known, strange = entra.sample, other.sample
        calls = {
            "app": lambda: entra.azure_ad(strange.api),
            "user": lambda: entra.user_token(strange.alice, resource=known.api),
            "resource": lambda: testing.DownstreamEcho(entra, strange.partner),
            "client": lambda: entra.consent(client=strange.spa, resource=known.api),
            "tenant": lambda: entra.add_app("a", tenant=other.add_tenant("fabrikam")),
            "a member of known_clients": lambda: entra.add_app("b", known_clients=[strange.spa]),
            "a key of permissions": lambda: entra.add_app("c", permissions={strange.api: []}),
            "policy": lambda: entra.lift_policy(other.require_mfa(strange.api)),
        }

        told = {name: str(await outcome(call)) for name, call in calls.items()}

    assert told.pop("policy") == "No such policy stands here."
    assert all(text.startswith(f"{name} takes ") for name, text in told.items()), told


async def test_what_no_token_can_say_is_told():
    with EntraSandbox() as entra:
        calls = {
            "iss": lambda: entra.token(claims={"iss": []}),
            "alg": lambda: entra.sign({}, {"alg": "none at all"}),
            "JSON": lambda: entra.sign({"x": object()}),
        }

        errors = {name: await outcome(call) for name, call in calls.items()}

    assert {type(error) for error in errors.values()} == {InvalidCallError}, errors


async def test_iterators_are_looked_into_and_still_used():
    with EntraSandbox() as entra:
        app = entra.add_app("a", scopes=(name for name in ["read", "write"]))
        wrong = await outcome(lambda: entra.add_app("b", scopes=(name for name in ["read", 3])))

    assert app.scopes == ("read", "write")
    assert str(wrong) == "a member of scopes takes str, not int."
