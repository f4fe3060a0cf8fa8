"""No two different requests share the name under which their token is kept (3.1)."""

import asyncio
import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from msidweb import AcquireTokenOptions, IdentityBuilder, Principal
from msidweb.cache import TokenCache
from msidweb.configuration import Configuration
from msidweb.principal import Assertion

SHORT = st.text(st.sampled_from("ab_-:|,.\0é "), max_size=4)
PARAMETERS = st.dictionaries(st.text(st.sampled_from("ab_-"), max_size=3), SHORT, max_size=2)
SCOPES = st.lists(
    st.sampled_from(["r/a", "r/b", "R/A", "s/a", "openid"]), min_size=1, max_size=3
).filter(lambda scopes: set(scopes) != {"openid"})


class AskedError(Exception):
    """The cache was asked."""


class Noting(TokenCache):
    """Tells under which name a token is looked for, and finds nothing."""

    def find(self, partition, key):
        raise AskedError((partition, key))


IDENTITY = (
    IdentityBuilder(Configuration.of_environment(environ={}))
    .add_microsoft_identity_web_api(tenant_id="organizations", client_id="c", client_secret="s")
    .enable_token_acquisition()
    .override(token_cache=Noting())
    .build()
)


def principal(user) -> Principal:
    tenant, oid, assertion = user
    return Principal(
        {},
        tenant_id=tenant,
        object_id=oid,
        client_id="spa",
        scopes=frozenset({"access_as_user"}),
        roles=frozenset(),
        is_app=False,
        expires_at=4_000_000_000.0,
        assertion=Assertion(assertion),
    )


def name_of(user, scopes, tenant, parameters):
    """Under which name the token of a call is looked for; without *user* the application's."""
    options = AcquireTokenOptions(tenant=tenant, extra_query_parameters=parameters or None)

    async def ask():
        acquirer = IDENTITY.token_acquirer
        if user is None:
            await acquirer.get_token_for_app("r/.default", options=options)
        else:
            await acquirer.get_token_for_user(scopes, user=principal(user), options=options)

    with pytest.raises(AskedError) as asked, contextlib.closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(ask())
    return asked.value.args[0]


def meaning_of(user, scopes, tenant, parameters):
    """What makes the token of a call another one than that of any other."""
    if user is None:
        return ("app", tenant, sorted(parameters.items()))
    wanted = frozenset(scope.lower() for scope in scopes) - {"openid"}
    return (user, wanted, tenant or user[0], sorted(parameters.items()))


# An assertion belongs to one user of one tenant; a user signs in more than once.
USERS = st.sampled_from(
    [
        ("tenant-1", "oid-1", "assertion-1"),
        ("tenant-1", "oid-1", "assertion-2"),
        ("tenant-1", "oid-2", "assertion-3"),
        ("tenant-2", "oid-1", "assertion-4"),
    ]
)
FIELDS = (USERS, SCOPES, st.sampled_from([None, "tenant-1", "other"]), PARAMETERS)


@st.composite
def pairs(draw):
    """Two calls that differ in a field or two: those are the ones that could be taken for one."""
    one = [draw(field) for field in FIELDS]
    other = list(one)
    for place in draw(st.sets(st.integers(0, 3), min_size=1, max_size=2)):
        other[place] = draw(FIELDS[place])
    return tuple(one), tuple(other)


APP_CALLS = st.tuples(
    st.none(), st.just(["r/.default"]), st.sampled_from(["tenant-1", "other"]), PARAMETERS
)
ONE = ("tenant-1", "oid-1", "assertion-1")


@settings(max_examples=400)
@given(pairs() | st.tuples(APP_CALLS, APP_CALLS))
@example(((ONE, ["r/a"], None, {"a": "b"}), (ONE, ["r/a"], None, {"ab": ""})))
@example(((ONE, ["r/a"], None, {}), (ONE, ["R/A", "openid"], "tenant-1", {})))
@example(((None, ["r/.default"], "tenant-1", {}), (ONE, ["r/.default"], None, {})))
def test_two_calls_share_a_name_exactly_where_they_mean_the_same(calls):
    one, other = calls
    same = meaning_of(*one) == meaning_of(*other)

    assert (name_of(*one) == name_of(*other)) is same
