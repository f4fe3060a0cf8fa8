import dataclasses
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

import msidweb
from msidweb.telemetry import (
    ApiOpenedLate,
    KeysRefreshFailed,
    Telemetry,
    TokenAcquired,
    correlation_id,
    correlation_scope,
    current_correlation_id,
    redact,
    redact_processor,
)

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
ACQUIRED = TokenAcquired(
    flow="on_behalf_of",
    source="cache",
    cache_level="l1",
    reason="not_applicable",
    scopes=("api://p/read",),
    tenant_id="the-tenant",
    object_id="the-user",
    user_name="alice@example.com",
    correlation_id="cid",
)


def test_an_event_becomes_a_line_and_extra_fields(caplog):
    caplog.set_level(logging.DEBUG, "msidweb")

    Telemetry().emit(ACQUIRED)

    (record,) = caplog.records
    assert record.name == "msidweb.acquisition"
    assert record.levelno == logging.DEBUG
    assert "msidweb.token_acquired" in record.getMessage()
    assert "cache_level=l1" in record.getMessage()
    assert record.msidweb_source == "cache"
    assert record.msidweb_correlation_id == "cid"


def test_tenant_and_user_are_told_only_when_asked_for(caplog):
    caplog.set_level(logging.DEBUG, "msidweb")
    heard = []

    Telemetry([heard.append]).emit(ACQUIRED)
    Telemetry([heard.append], pii=True).emit(ACQUIRED)

    hidden, shown = caplog.records
    for personal in ("the-tenant", "the-user", "alice@example.com"):
        assert personal not in f"{hidden.getMessage()} {vars(hidden)} {heard[0]}"
        assert personal in shown.getMessage()
    assert (shown.msidweb_tenant_id, shown.msidweb_user_name) == ("the-tenant", "alice@example.com")
    assert heard[1] is ACQUIRED


def test_nobody_listens_until_a_level_or_a_hook_is_set(caplog):
    caplog.set_level(logging.INFO, "msidweb")

    assert not Telemetry().listening(TokenAcquired)
    assert Telemetry([lambda event: None]).listening(TokenAcquired)
    assert Telemetry().listening(KeysRefreshFailed)


def test_a_hook_hears_the_record_itself_and_may_fail(caplog):
    heard = []

    def broken(event):
        raise ValueError(JWT)

    Telemetry([broken, heard.append], pii=True).emit(ACQUIRED)

    assert heard == [ACQUIRED]
    assert "a telemetry hook raised correlation_id=cid" in caplog.text
    assert JWT not in caplog.text


def test_a_handler_alone_gets_warnings_only(caplog):
    logging.getLogger("msidweb").setLevel(logging.NOTSET)

    Telemetry().emit(ACQUIRED)
    Telemetry().emit(ApiOpenedLate())

    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize(("setup", "seen"), [("pass", False), ("logging.basicConfig()", True)])
def test_an_application_that_configures_no_logging_sees_nothing(setup, seen):
    code = (
        "import logging; from msidweb.telemetry import ApiOpenedLate, Telemetry; "
        f"{setup}; Telemetry().emit(ApiOpenedLate())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(msidweb.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (run.stdout, bool(run.stderr)) == ("", seen)
    assert ("WARNING:msidweb.http:msidweb.opened_late" in run.stderr) is seen


def test_a_line_break_in_a_field_begins_no_line(caplog):
    caplog.set_level(logging.DEBUG, "msidweb")
    forged = dataclasses.replace(ACQUIRED, user_name="alice\nINFO:msidweb:forged")

    Telemetry(pii=True).emit(forged)

    (record,) = caplog.records
    assert "user_name=alice\\nINFO:msidweb:forged" in record.getMessage()
    assert "\n" not in record.getMessage()


@pytest.mark.parametrize(
    "text",
    [
        JWT,
        f"Authorization: Bearer {JWT}",
        "Bearer abcdefghijklmnop",
        f"client_secret={JWT[3:]}&x=1",
        "grant_type=a&assertion=abcdefgh",
        "failed with refresh_token=0.AXoA-opaque",
    ],
)
def test_whatever_looks_like_a_token_or_secret_is_hidden(text):
    cleaned = redact(text)

    assert "[hidden]" in cleaned
    for secret in (JWT, JWT[3:], "abcdefgh", "0.AXoA"):
        assert secret not in cleaned


def test_a_field_is_hidden_by_its_name_and_nested_values_are_cleaned():
    fields = redact_processor(
        None,
        "info",
        {
            "event": "x",
            "client_secret": "short",
            "headers": {"authorization": "Basic eA==", "accept": "text/plain"},
            "items": [JWT, 5],
        },
    )

    assert fields == {
        "event": "x",
        "client_secret": "[hidden]",
        "headers": {"authorization": "[hidden]", "accept": "text/plain"},
        "items": ("[hidden]", 5),
    }


def test_the_redaction_works_in_the_applications_own_structlog(capsys):
    logger = structlog.wrap_logger(
        structlog.PrintLogger(), processors=[redact_processor, structlog.processors.JSONRenderer()]
    )

    logger.info("x", token_header=f"Bearer {JWT}")

    assert JWT not in capsys.readouterr().out


def test_a_request_has_one_correlation_id_and_calls_outside_have_their_own():
    assert current_correlation_id() is None
    assert correlation_id() != correlation_id()
    with correlation_scope() as given:
        assert correlation_id() == current_correlation_id() == given
        with correlation_scope("inner"):
            assert correlation_id() == "inner"
    assert current_correlation_id() is None


def test_an_event_without_an_id_gets_that_of_the_request_it_happened_in():
    heard = []
    with correlation_scope("cid"):
        Telemetry([heard.append]).emit(ApiOpenedLate())

    assert heard == [ApiOpenedLate(correlation_id="cid")]
