"""Whatever a public parameter is given, it is taken as documented or ends in a typed error.

The parameters are read off the signatures, so a new one is tried without a line here, and fails
where it needs a good value or takes one of the wrong ones.
"""

import contextlib
import inspect

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
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
)
from msidweb.downstream import DownstreamApi, NamedDownstreamApi
from msidweb.downstream.arguments import AppCall, UserCall
from msidweb.errors import MsidwebError
from msidweb.integrations import starlette
from msidweb.integrations.fastapi import EntraAuth
from msidweb.integrations.web import accepting
from msidweb.principal import principal_scope
from msidweb.testing import EntraEmulator

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


def found_in(table, owner, method, parameter):
    """The most special entry of *table*, or None."""
    keys = (f"{method}.{parameter}", f"{owner}.{parameter}", parameter)
    return next((table[key] for key in keys if key in table), None)


def parameters(function):
    """Their names; the keywords of an API's calls among them."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            yield parameter.name
        elif parameter.name == "call":
            keywords = AppCall if function.__name__.endswith("_app") else UserCall
            yield from keywords.__optional_keys__


async def complaints(owner, call, function, good, *, method=None):
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
            if error is None and shown not in (found_in(TAKEN, owner, method, parameter) or ()):
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
