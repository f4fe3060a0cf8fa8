"""What holds for every event there is."""

import contextlib
import dataclasses
import inspect
import logging

import pytest

from msidweb import telemetry
from msidweb.telemetry import CallerEvent, Event, Telemetry, correlation_scope, events

KINDS = sorted(
    (kind for _, kind in inspect.getmembers(events, inspect.isclass) if hasattr(kind, "name")),
    key=lambda kind: kind.name,
)
REQUIRED = (dataclasses.MISSING, dataclasses.MISSING)


def made(kind: type[Event]) -> Event:
    """An event of this *kind* with nothing but what it must have."""
    names = [
        field.name
        for field in dataclasses.fields(kind)
        if (field.default, field.default_factory) == REQUIRED
    ]
    return kind(**dict.fromkeys(names, "x"))


def told(event: Event, *, pii: bool = False, scope: str | None = None) -> Event:
    heard: list[Event] = []
    with correlation_scope(scope) if scope else contextlib.nullcontext():
        Telemetry([heard.append], pii=pii, correlation_id="own").emit(event)
    return heard[0]


def test_every_event_is_offered_under_a_name_of_its_own():
    assert len(KINDS) > 15
    assert [kind for kind in KINDS if kind.__name__ not in telemetry.__all__] == []
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_event_is_told_without_a_correlation_id(kind, caplog):
    caplog.set_level(logging.DEBUG, "msidweb")

    assert told(made(kind)).correlation_id == "own"
    assert told(made(kind), scope="request").correlation_id == "request"
    given = dataclasses.replace(made(kind), correlation_id="given")
    assert told(given, scope="request").correlation_id == "given"
    ids = [record.msidweb_correlation_id for record in caplog.records]
    assert ids == ["own", "request", "given"]
    assert {record.name for record in caplog.records} == {f"msidweb.{kind.layer}"}


def test_what_no_request_caused_has_one_id_in_one_telemetry():
    heard: list[Event] = []
    for _ in range(2):
        one = Telemetry([heard.append])
        for kind in KINDS:
            one.emit(made(kind))

    ids = [event.correlation_id for event in heard]
    half = len(KINDS)
    assert len(set(ids[:half])) == len(set(ids[half:])) == 1
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if issubclass(kind, CallerEvent)], ids=lambda kind: kind.name
)
def test_an_event_of_a_caller_names_them_only_when_asked_for(kind):
    names = {"tenant_id": "t", "object_id": "o", "user_name": "u"}
    event = dataclasses.replace(made(kind), **names)

    for pii in (False, True):
        seen = told(event, pii=pii)
        shown = {name: getattr(seen, name) for name in names}
        assert shown == (names if pii else dict.fromkeys(names))


def test_no_event_but_a_callers_has_a_field_that_names_somebody():
    personal = {"tenant", "tenant_id", "object_id", "user", "user_name", "upn"}
    kinds = [kind for kind in KINDS if not issubclass(kind, CallerEvent)]

    assert [k for k in kinds if personal & {f.name for f in dataclasses.fields(k)}] == []
