"""Names of kept tokens tell any two requests apart (3.1); options survive being written out."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msidweb.acquisition.demand import Demand
from msidweb.acquisition.terms import Terms
from msidweb.cache import app_partition, components_hash
from msidweb.configuration import DownstreamApiOptions, HttpClientOptions, bind
from msidweb.errors import InvalidCallError
from msidweb.http import guard_headers

# Signs that could stand between fields, lengths that could be taken for others.
TRICKY = st.text(st.sampled_from("ab01:_-|/ ,\0\n%é"), max_size=6)
PAIRS = st.lists(st.tuples(TRICKY, TRICKY), max_size=4).map(lambda pairs: tuple(sorted(pairs)))


@given(PAIRS, PAIRS)
def test_components_share_a_hash_only_where_they_are_the_same(one, other):
    assert (components_hash(one) == components_hash(other)) == (one == other)


APPLICATIONS = st.tuples(*[st.sampled_from(["0-1", "0-2"])] * 2, PAIRS)
"""Client id, tenant, components: the first two are GUIDs or domains, which hold no underscore."""


@given(APPLICATIONS, APPLICATIONS)
def test_applications_share_a_partition_only_where_they_are_the_same(one, other):
    assert (app_partition(*one) == app_partition(*other)) == (one == other)


DEMAND = Demand(
    scopes=("api://x/read",),
    tenant="t",
    partition="p",
    key=("cloud", "client", "t", "oid", (("a", "b"),), ("api://x/read",)),
    terms=Terms(),
    correlation_id="c",
)


@pytest.mark.parametrize("position", range(6))
def test_each_field_of_a_request_makes_another_flight_and_another_wait(position):
    fields = list(DEMAND.key)
    fields[position] = (*fields[position], "x") if position > 3 else f"{fields[position]}x"
    other = dataclasses.replace(DEMAND, key=tuple(fields))

    assert other.flight_key != DEMAND.flight_key
    assert other.throttle_key != DEMAND.throttle_key


@pytest.mark.parametrize(
    "terms",
    [Terms(claims="{}"), Terms(force_refresh=True), Terms(headers=(("x-a", "b"),))],
)
def test_what_makes_the_request_another_makes_another_flight(terms):
    assert dataclasses.replace(DEMAND, terms=terms).flight_key != DEMAND.flight_key


def test_another_partition_is_another_flight_and_another_wait():
    other = dataclasses.replace(DEMAND, partition="q")

    assert other.flight_key != DEMAND.flight_key
    assert other.throttle_key != DEMAND.throttle_key


NAMES = st.text(st.characters(codec="ascii"), max_size=12)


@given(st.dictionaries(NAMES, st.text(max_size=12), max_size=4))
def test_a_header_is_sent_whole_dropped_or_refused(headers):
    try:
        allowed, dropped = guard_headers(headers)
    except InvalidCallError:
        return
    assert set(allowed) | {drop.name for drop in dropped} == set(headers)
    for name, value in allowed.items():
        assert value == headers[name].strip(" \t")
        assert not set("\r\n\0") & set(name + value)
        assert name.lower() not in {"authorization", "cookie", "host"}


PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
# A colon divides keys in configuration, as in .NET.
KEYS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters=":"),
    max_size=12,
)
APIS = st.builds(
    DownstreamApiOptions,
    base_url=st.just("https://api.example/v1"),
    relative_path=PLAIN,
    scopes=st.none() | st.lists(st.sampled_from(["a/x", "a/y"]), unique=True),
    request_app_token=st.booleans(),
    accept_header=PLAIN,
    extra_header_parameters=st.none() | st.dictionaries(KEYS, PLAIN, max_size=2),
)
CLIENTS = st.builds(
    HttpClientOptions,
    timeout=st.none() | st.floats(0.1, 1_000),
    max_connections=st.integers(1, 1_000),
    transport=st.sampled_from(["auto", "httpx", "aiohttp"]),
)


@given(APIS | CLIENTS, st.booleans())
def test_options_are_read_back_as_they_were_written(options, by_alias):
    written = options.model_dump(by_alias=by_alias, exclude_unset=True)
    problems = []
    read = bind(type(options), written, place="Here", problems=problems)

    assert problems == []
    assert read == options
