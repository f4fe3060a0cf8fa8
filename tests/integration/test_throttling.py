"""What Entra ID tells one user to wait for is nobody else's business (finding 1, rule 3.6)."""

import pytest
from tests.support.product import caller, product_in_process, product_over_sockets

from msidweb import AcquireTokenOptions
from msidweb.errors import ThrottledError, TokenAcquisitionError
from msidweb.tokens import TokenSource

# Without Retry-After a 5xx is asked for once more, so it takes two to fail.
FAULTS = {
    "200 with Retry-After": {"status": 200, "retry_after": 120},
    "429 with Retry-After": {"status": 429, "retry_after": 120},
    "429 without": {"status": 429},
    "503 with Retry-After": {"status": 503, "retry_after": 120},
    "503 without": {"status": 503, "times": 2},
    "500 without": {"status": 500, "times": 2},
    "400 with Retry-After": {"code": 65001, "retry_after": 120},
}
REFUSED = {name: fault for name, fault in FAULTS.items() if fault.get("status") != 200}


@pytest.fixture(params=[product_in_process, product_over_sockets], ids=["asgi", "sockets"])
async def product(request):
    async with request.param() as product:
        # The pause before a repeat is the one wait here; nobody reads its length.
        product.identity.token_acquirer._fetcher._endpoint._sleep = _no_pause
        yield product


async def _no_pause(seconds):
    assert 0.2 <= seconds <= 1.0


@pytest.fixture
async def alice(product):
    return await caller(product, product.entra.add_user("alice"))


@pytest.fixture
async def bob(product):
    return await caller(product, product.entra.add_user("bob"))


def user_of(product, principal):
    return product.entra._directory.find_user(principal.tenant_id, principal.object_id)


def fail(product, principal, fault):
    return product.entra.fail_next("token", user=user_of(product, principal), **fault)


async def me(product, principal, scope="read"):
    return await product.downstream(scope).get_for_user("me", user=principal)


def msal_applications(product):
    return list(product.identity.token_acquirer._writer._applications.values())


def assert_msal_holds_nothing(product):
    applications = msal_applications(product)
    assert applications, "MSAL wrote the requests"
    for application in applications:
        throttle = application.http_client._expiring_mapping
        assert dict(throttle._mapping) == {}
        assert not any(application.token_cache._cache.values())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_one_users_fault_changes_nothing_for_another(product, alice, bob, fault):
    fail(product, alice, fault)
    outcome = await outcome_of(product, alice)
    seen = await me(product, bob)

    assert (seen["oid"], seen["tid"]) == (bob.object_id, bob.tenant_id)
    if fault.get("status") == 200:
        assert outcome["oid"] == alice.object_id
    else:
        assert isinstance(outcome, TokenAcquisitionError)
    assert_msal_holds_nothing(product)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_good_answer_is_nobody_elses_whoever_comes_first(product, alice, bob, fault):
    seen = await me(product, bob)
    fail(product, alice, fault)
    await outcome_of(product, alice)

    assert seen["oid"] == bob.object_id
    assert await me(product, bob) == seen
    assert_msal_holds_nothing(product)


async def outcome_of(product, principal, scope="read"):
    try:
        return await me(product, principal, scope)
    except TokenAcquisitionError as error:
        return error


@pytest.mark.parametrize("fault", REFUSED.values(), ids=REFUSED)
async def test_the_same_users_cached_tokens_are_served_all_the_same(product, alice, fault):
    before = await me(product, alice, "read")
    fail(product, alice, fault)
    assert isinstance(await outcome_of(product, alice, "write"), TokenAcquisitionError)
    asked = product.entra.wire.count("token")

    assert await me(product, alice, "read") == before
    assert product.entra.wire.count("token") == asked


@pytest.mark.parametrize("status", [429, 503])
async def test_a_user_who_was_told_to_wait_is_not_asked_for_again_until_then(
    product, alice, bob, status
):
    fail(product, alice, {"status": status, "retry_after": 60})
    with pytest.raises(ThrottledError) as first:
        await me(product, alice)
    product.clock.advance(20)
    with pytest.raises(ThrottledError) as second:
        await me(product, alice)

    assert first.value.retry_after == 60
    assert second.value.retry_after == pytest.approx(40)
    assert product.entra.wire.count("token") == 1, "F-E1: no call for her in that time"
    assert (await me(product, bob))["oid"] == bob.object_id
    product.clock.advance(41)
    assert (await me(product, alice))["oid"] == alice.object_id


async def test_a_wait_for_one_permission_leaves_the_others_alone(product, alice):
    fail(product, alice, {"status": 429, "retry_after": 60})
    assert isinstance(await outcome_of(product, alice, "read"), ThrottledError)

    assert (await me(product, alice, "write"))["scp"] == "write"


async def test_a_new_sign_in_of_the_same_user_is_another_matter(product, alice):
    fail(product, alice, {"status": 429, "retry_after": 60})
    assert isinstance(await outcome_of(product, alice), ThrottledError)
    again = await caller(product, user_of(product, alice))

    assert (await me(product, again))["oid"] == alice.object_id


async def test_the_applications_wait_is_not_the_users_and_neither_the_other_way(product, alice):
    scope = product.partner.default_scope
    acquirer = product.identity.token_acquirer
    options = AcquireTokenOptions(tenant=product.entra.tenant.id)
    product.entra.fail_next("token", grant_type="client_credentials", status=429, retry_after=60)
    with pytest.raises(ThrottledError):
        await acquirer.get_token_for_app(scope, options=options)

    assert (await me(product, alice))["oid"] == alice.object_id
    fail(product, alice, {"status": 429, "retry_after": 600})
    assert isinstance(await outcome_of(product, alice, "write"), ThrottledError)
    product.clock.advance(61)
    token = await acquirer.get_token_for_app(scope, options=options)
    assert token.source is TokenSource.IDENTITY_PROVIDER
