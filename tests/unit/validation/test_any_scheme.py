"""A request that several schemes may accept."""

import dataclasses

import pytest
from tests.support.several_schemes import KEY, Service
from tests.support.signing import CLIENT, NOW, OTHER_TENANT, TENANT, user_claims

from msidweb import IdentityBuilder
from msidweb.errors import (
    AuthenticationError,
    ExpiredTokenError,
    InvalidCallError,
    InvalidClaimError,
    MalformedTokenError,
    MetadataUnavailableError,
    MissingTokenError,
)
from msidweb.telemetry import TokenRejected, TokenValidated
from msidweb.validation import AnyScheme

OTHER_CLIENT = "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee"
US = "login.microsoftonline.us"


@pytest.fixture
async def service():
    service = Service(
        NOW,
        {
            "First": {"tenant_id": TENANT, "client_id": CLIENT},
            "Second": {
                "tenant_id": OTHER_TENANT,
                "client_id": OTHER_CLIENT,
                "instance": f"https://{US}/",
            },
        },
        acquiring={"First": False, "Second": False},
    )
    async with service.identity:
        yield service


@pytest.fixture
def either(service):
    return AnyScheme([service.identity.scheme(name) for name in ("First", "Second")])


def first(**changes):
    return f"Bearer {KEY.token(user_claims(**changes))}"


def second(**changes):
    issuer = f"https://{US}/{OTHER_TENANT}/v2.0"
    return first(**{"aud": OTHER_CLIENT, "tid": OTHER_TENANT, "iss": issuer, **changes})


def told(service, kind):
    return [event.scheme for event in service.events if isinstance(event, kind)]


async def test_the_scheme_that_accepts_the_token_names_the_principal(service, either):
    assert (await either.validate_authorization([first()])).scheme == "First"
    assert (await either.validate_authorization([second()])).scheme == "Second"
    assert told(service, TokenValidated) == ["First", "Second"]


async def test_a_scheme_that_refuses_what_another_accepts_tells_nobody(service, either):
    await either.validate_authorization([second()])
    assert told(service, TokenRejected) == []


async def test_where_all_refuse_each_tells_and_the_caller_gets_one_error(service, either):
    with pytest.raises(InvalidClaimError):
        await either.validate_authorization([first(aud="https://elsewhere.example")])
    assert told(service, TokenRejected) == ["First", "Second"]


async def test_an_expired_token_is_told_before_one_that_is_for_another_api(either):
    times = {"iat": int(NOW) - 9_000, "nbf": int(NOW) - 9_000, "exp": int(NOW) - 5_400}
    with pytest.raises(ExpiredTokenError):
        await either.validate_authorization([second(**times)])


@pytest.mark.parametrize(
    ("fields", "query", "error"),
    [
        ([], "", MissingTokenError),
        (["Basic YQ=="], "", MissingTokenError),
        (["Bearer a.b.c", "Bearer a.b.c"], "", MalformedTokenError),
        (["Bearer " + "a" * 100_000], "", MalformedTokenError),
        (["Bearer a.b.c"], "access_token=x", MalformedTokenError),
        (["Bearer a.b.c"], "", MalformedTokenError),
    ],
)
async def test_what_is_no_token_is_refused_before_any_scheme_looks(either, fields, query, error):
    with pytest.raises(error):
        await either.validate_authorization(fields, query_string=query)


async def test_a_scheme_without_keys_keeps_none_from_accepting(service, either):
    service.hosts.down.add("login.microsoftonline.com")
    assert (await either.validate_authorization([second()])).scheme == "Second"


async def test_what_none_accepts_while_keys_are_missing_is_not_a_refusal(service, either):
    service.hosts.down.add(US)
    with pytest.raises(MetadataUnavailableError):
        await either.validate_authorization([second()])
    assert told(service, TokenRejected) == ["First"]


async def test_a_token_goes_to_the_scheme_that_accepted_it_again(service, either, monkeypatch):
    await either.validate_authorization([second()])
    asked = []
    validator = service.identity.scheme("First").token_validator
    monkeypatch.setattr(validator, "_validated", asked.append)

    assert (await either.validate_authorization([second()])).scheme == "Second"
    assert asked == []


async def test_another_key_set_of_an_earlier_scheme_has_it_asked_again(service, either):
    await either.validate_authorization([second()])
    before = service.identity.scheme("First").token_validator
    before._keys._current = dataclasses.replace(before._keys.current)

    assert (await either.validate_authorization([second()])).scheme == "Second"
    (accepted,) = either._accepted.values()
    assert accepted.refused_by[0] is before._keys.current


async def test_once_refused_there_it_is_tried_in_order_again(service, either):
    token = second()
    await either.validate_authorization([token])
    service.clock.advance(2 * 3600)
    with pytest.raises(ExpiredTokenError):
        await either.validate_authorization([token])


async def test_what_is_remembered_is_bounded(either, monkeypatch):
    monkeypatch.setattr("msidweb.validation.any_scheme._REMEMBERED", 2)
    for number in range(5):
        await either.validate_authorization([second(sub=f"sub-{number}")])
    assert len(either._accepted) == 2


@pytest.mark.parametrize("names", [[], ["First", "First"]])
def test_it_takes_schemes_and_each_once(service, names):
    with pytest.raises(InvalidCallError):
        AnyScheme([service.identity.scheme(name) for name in names])


async def test_a_shorter_limit_of_one_scheme_holds_for_it_alone():
    service = Service(
        NOW,
        {
            "Short": {"tenant_id": TENANT, "client_id": CLIENT, "maximum_token_size": 1_024},
            "Long": {"tenant_id": TENANT, "client_id": CLIENT},
        },
        acquiring={"Short": False, "Long": False},
    )
    async with service.identity as identity:
        either = AnyScheme([identity.scheme(name) for name in ("Short", "Long")])
        caller = await either.validate_authorization([first(padding="x" * 2_000)])
        with pytest.raises(AuthenticationError):
            await identity.scheme("Short").token_validator.validate(first(padding="x" * 2_000)[7:])
    assert caller.scheme == "Long"


def overlapping(builder=None):
    """Two schemes that accept the same tokens."""
    schemes = {
        "First": {"tenant_id": TENANT, "client_id": CLIENT},
        "Second": {"tenant_id": "organizations", "client_id": CLIENT},
    }
    return Service(NOW, schemes, acquiring={"First": False, "Second": False}, builder=builder)


async def test_what_a_callback_refuses_no_other_scheme_accepts():
    seen = []

    async def refuse(principal):
        seen.append(principal.scheme)
        if principal.scheme == "First":
            raise InvalidClaimError("blocked", rule="X")

    service = overlapping(IdentityBuilder().on_token_validated(refuse))
    async with service.identity as identity:
        either = AnyScheme([identity.scheme(name) for name in ("First", "Second")])
        for _ in range(2):
            with pytest.raises(InvalidClaimError, match="blocked"):
                await either.validate_authorization([first()])
    assert seen == ["First", "First"]


async def test_a_callback_sees_the_caller_once_and_of_the_scheme_that_accepts():
    seen = []
    service = Service(
        NOW,
        {
            "First": {"tenant_id": OTHER_TENANT, "client_id": CLIENT},
            "Second": {"tenant_id": TENANT, "client_id": CLIENT},
        },
        acquiring={"First": False, "Second": False},
        builder=IdentityBuilder().on_token_validated(lambda caller: seen.append(caller.scheme)),
    )
    async with service.identity as identity:
        either = AnyScheme([identity.scheme(name) for name in ("First", "Second")])
        await either.validate_authorization([first()])
    assert seen == ["Second"]


async def test_what_a_later_scheme_accepts_while_an_earlier_has_no_keys_is_not_remembered():
    service = overlapping()
    token = first()
    async with service.identity as identity:
        either = AnyScheme([identity.scheme(name) for name in ("First", "Second")])
        service.hosts.down_paths.add(f"/{TENANT}/")
        assert (await either.validate_authorization([token])).scheme == "Second"
        service.hosts.down_paths.clear()
        service.clock.advance(40)
        assert (await either.validate_authorization([token])).scheme == "First"
