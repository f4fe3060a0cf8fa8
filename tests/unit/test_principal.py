import asyncio
import pickle

import pytest
from tests.support.web_identity import principal

from msidweb.principal import Assertion, Principal, ambient_principal, principal_scope


def test_nobody_is_ambient_outside_of_a_scope():
    assert ambient_principal() is None


def test_a_scope_makes_its_principal_ambient_and_nobody_after_it():
    alice, bob = principal("alice"), principal("bob")

    with principal_scope(alice):
        with principal_scope(bob):
            assert ambient_principal() is bob
        assert ambient_principal() is alice
    assert ambient_principal() is None


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "a@v2", "upn": "a@v1"}, "a@v2"),
        ({"upn": "a@v1", "unique_name": "live.com#a@v1"}, "a@v1"),
        ({"unique_name": "live.com#a@v1", "name": "Alice"}, "live.com#a@v1"),
        ({"preferred_username": "", "upn": ["a"], "name": "Alice"}, None),
    ],
)
def test_the_name_of_the_user_is_the_one_they_sign_in_with(claims, name):
    assert caller_with(claims).user_name == name


def caller_with(claims) -> Principal:
    return Principal(
        claims,
        tenant_id="t",
        object_id="o",
        client_id="c",
        scopes=frozenset(),
        roles=frozenset(),
        is_app=False,
        expires_at=0,
        assertion=None,
    )


ATTRIBUTES = (
    "assertion",
    "client_id",
    "expires_at",
    "is_app",
    "object_id",
    "roles",
    "scheme",
    "scopes",
    "tenant_id",
)


@pytest.mark.parametrize(
    "name", [*ATTRIBUTES, "claims", "user_name", "__class__", "_claims", "new"]
)
@pytest.mark.parametrize(
    "make", [lambda caller: caller, lambda c: c.with_assertion(Assertion("x"))]
)
def test_what_is_known_of_a_caller_cannot_be_changed(make, name):
    alice = make(caller_with({"groups": ["a"]}))
    before = {each: getattr(alice, each) for each in (*ATTRIBUTES, "claims")}
    with pytest.raises(AttributeError, match=f"read-only: {name}"):
        setattr(alice, name, "Second")
    with pytest.raises(AttributeError, match=f"read-only: {name}"):
        delattr(alice, name)
    assert {each: getattr(alice, each) for each in before} == before
    assert type(alice) is Principal


def test_what_is_done_to_the_claims_of_a_caller_reaches_no_copy():
    alice = caller_with({"groups": ["a"], "deep": {"x": [1]}})
    alice.claims["groups"].append("admin")
    alice.claims["deep"]["x"].append(2)
    copy = alice.with_assertion(Assertion("x"))
    assert copy.claims == {"groups": ["a"], "deep": {"x": [1]}}
    assert alice.claims["groups"] == ["a", "admin"]


def test_an_error_ends_a_scope_too():
    with pytest.raises(ValueError, match="x"), principal_scope(principal("alice")):
        raise ValueError("x")

    assert ambient_principal() is None


async def test_a_slot_that_is_filled_later_is_seen_by_tasks_that_run_already():
    filled = asyncio.Event()

    async def look():
        await filled.wait()
        return ambient_principal()

    with principal_scope(None) as slot:
        task = asyncio.create_task(look())
        await asyncio.sleep(0)
        slot.principal = principal("alice")
        filled.set()
        assert await task is slot.principal
    assert ambient_principal() is None


def test_filling_one_slot_fills_no_other():
    with principal_scope(None) as slot:
        slot.principal = principal("alice")
        with principal_scope(None):
            assert ambient_principal() is None


def test_neither_a_principal_nor_its_assertion_shows_or_pickles_the_token():
    alice = principal("alice", scopes=["a.read"])

    assert repr(alice) == "Principal(user, scheme='Bearer', scopes=['a.read'])"
    assert "token" not in repr(alice.assertion)
    for thing in (alice, alice.assertion):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
