import logging

import pytest
import structlog

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
    tenant_id="tenant",
    object_id="user",
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


def test_tenant_and_user_are_shown_only_when_asked_for(caplog):
    caplog.set_level(logging.DEBUG, "msidweb")

    Telemetry().emit(ACQUIRED)
    Telemetry(pii=True).emit(ACQUIRED)

    hidden, shown = (record.getMessage() for record in caplog.records)
    assert "tenant" not in hidden
    assert "tenant_id=tenant" in shown
    assert "object_id=user" in shown


def test_nobody_listens_until_a_level_or_a_hook_is_set(caplog):
    caplog.set_level(logging.INFO, "msidweb")

    assert not Telemetry().listening(TokenAcquired)
    assert Telemetry([lambda event: None]).listening(TokenAcquired)
    assert Telemetry().listening(KeysRefreshFailed)


def test_a_hook_hears_the_record_itself_and_may_fail(caplog):
    heard = []

    def broken(event):
        raise ValueError(JWT)

    Telemetry([broken, heard.append]).emit(ACQUIRED)

    assert heard == [ACQUIRED]
    assert "a telemetry hook raised" in caplog.text
    assert JWT not in caplog.text


def test_an_unconfigured_application_sees_warnings_only(caplog):
    logging.getLogger("msidweb").setLevel(logging.NOTSET)

    Telemetry().emit(ACQUIRED)
    Telemetry().emit(ApiOpenedLate())

    assert [record.levelno for record in caplog.records] == [logging.WARNING]


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
