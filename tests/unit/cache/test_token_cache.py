import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msidweb.cache import CacheEntry, TokenCache, app_partition, components_hash
from msidweb.cache.partition import MAX_ENTRIES, MAX_REQUESTS, Partition
from msidweb.tokens import AcquiredToken, CacheLevel, TokenSource


def key(*scopes, tenant="t", oid="o", components=()):
    return ("cloud", "client", tenant, oid, components, tuple(sorted(scopes)))


def entry(*granted, origin=None, text="token"):
    token = AcquiredToken(access_token=text, expires_on=100, scopes=tuple(granted), tenant_id="t")
    return CacheEntry(
        token, key=origin or key(*granted), asked=granted, usable_until=40, refresh_at=90
    )


def test_an_entry_is_ready_to_be_handed_out_and_renewed_no_later_than_it_serves():
    made = entry("r/A", "openid")
    assert made.token.source is TokenSource.CACHE
    assert made.token.cache_level is CacheLevel.L1
    assert made.refresh_at == made.usable_until == 40
    assert made.scopes == {"r/a", "openid"}
    assert made.resource_scopes == {"r/a"}


def test_same_request_wider_token_and_other_target():
    cache = TokenCache()
    wide = entry("r/a", "r/b")
    cache.put("p", wide)
    assert cache.find("p", key("r/a", "r/b")) is wide
    assert cache.find("p", key("r/b")) is wide
    assert cache.find("p", key("r/c")) is None
    assert cache.find("q", key("r/b")) is None
    for other in (
        key("r/b", tenant="u"),
        key("r/b", oid="x"),
        key("r/b", components=(("dc", "x"),)),
    ):
        assert cache.find("p", other) is None


def test_a_new_token_replaces_those_that_share_a_resource_scope_and_no_others():
    cache = TokenCache()
    reader, mailer = entry("r/read", "openid", "profile"), entry("r/mail", "openid", "profile")
    cache.put("p", reader)
    cache.put("p", mailer)
    assert len(cache) == 2

    both = entry("r/read", "r/mail", "openid")
    cache.put("p", both)
    assert len(cache) == 1
    assert cache.find("p", key("r/read", "openid")) is both
    assert cache.find("p", reader.key) is None
    assert cache.find("p", key("openid")) is both


def test_a_replaced_token_answers_nothing_any_more_not_even_under_another_request():
    cache = TokenCache()
    cache.put("p", entry("r/a", "r/b", text="old"))
    assert cache.find("p", key("r/a")).token.access_token == "old"
    cache.put("p", entry("r/a", "r/c", text="new"))
    assert cache.find("p", key("r/a")).token.access_token == "new"
    assert cache.find("p", key("r/b")) is None


def test_the_answer_to_a_request_is_found_again_whatever_was_granted():
    cache = TokenCache()
    wanted = key("r/.default")
    first, second = entry("r/read", origin=wanted), entry("r/write", origin=wanted)
    cache.put("p", first)
    cache.put("p", second)
    assert cache.find("p", wanted) is second
    assert len(cache) == 1


def test_a_partition_is_bounded():
    partition = Partition()
    for number in range(MAX_ENTRIES + 10):
        partition.put(entry(f"r{number}/a"))
    assert len(partition) == MAX_ENTRIES
    assert key("r0/a") not in partition.answered_by
    assert partition.size == sum(item.size for item in partition._entries)

    partition.put(entry(*(f"wide/{number}" for number in range(12))))
    names = [f"wide/{number}" for number in range(12)]
    for chosen in itertools.islice(itertools.combinations(names, 3), 2 * MAX_REQUESTS):
        assert partition.cover(key(*chosen))
    assert len(partition.answered_by) <= MAX_REQUESTS


def test_the_partition_longest_unused_goes_first():
    size = entry("r/a").size
    cache = TokenCache(size_limit=3 * size)
    for name in ("a", "b", "c"):
        cache.put(name, entry("r/a"))
    cache.find("a", key("r/a"))
    cache.put("d", entry("r/a"))
    assert cache.find("b", key("r/a")) is None
    assert all(cache.find(name, key("r/a")) for name in ("a", "c", "d"))
    assert cache.size == 3 * size


def test_a_budget_of_nothing_keeps_nothing():
    cache = TokenCache(size_limit=0)
    cache.put("a", entry("r/a"))
    assert (len(cache), cache.size) == (0, 0)
    assert cache.find("a", key("r/a")) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from("pq"),
            st.frozensets(st.sampled_from(["r/a", "r/b", "r/c", "openid"]), min_size=1),
        ),
        max_size=30,
    )
)
def test_never_do_two_entries_cover_one_request_and_the_size_is_the_sum(steps):
    cache = TokenCache()
    for partition, scopes in steps:
        cache.put(partition, entry(*scopes))
    for partition in cache._partitions.values():
        entries = list(partition._entries)
        for one, other in itertools.combinations(entries, 2):
            assert one.resource_scopes.isdisjoint(other.resource_scopes)
            assert one.key != other.key
        assert set(partition.answered_by.values()) == set(entries)
    total = sum(e.size for p in cache._partitions.values() for e in p._entries)
    assert cache.size == total


FIELD = st.text(alphabet="a_:1é", max_size=4)


@given(st.lists(st.tuples(FIELD, FIELD), max_size=4), st.lists(st.tuples(FIELD, FIELD), max_size=4))
def test_components_have_one_hash_only_when_they_are_equal(one, other):
    same = sorted(one) == sorted(other)
    assert (components_hash(tuple(one)) == components_hash(tuple(other))) is same


@pytest.mark.parametrize("changed", ["client", "tenant", "components"])
def test_every_field_of_an_application_changes_its_partition(changed):
    plain = {"client": "c", "tenant": "t", "components": ()}
    other = plain | {changed: (("a", "b"),) if changed == "components" else "x"}
    one, two = (app_partition(p["client"], p["tenant"], p["components"]) for p in (plain, other))
    assert one != two
