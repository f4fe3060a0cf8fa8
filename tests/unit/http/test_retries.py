import ssl

import httpx
import pytest

from msidweb.configuration.options import HttpClientOptions
from msidweb.http import RetryBudget, failure_reason, status_reason, wait_before


def test_a_budget_begins_with_its_reserve_and_earns_its_share():
    budget = RetryBudget(share=0.25, reserve=2)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    for _ in range(3):
        budget.pay_in()
    assert not budget.take()
    budget.pay_in()
    assert budget.take()
    assert not budget.take()


def test_a_budget_keeps_no_more_than_its_reserve():
    budget = RetryBudget(share=1, reserve=2)
    for _ in range(100):
        budget.pay_in()
    assert [budget.take() for _ in range(3)] == [True, True, False]


def test_without_a_reserve_a_whole_share_still_repeats_each_call():
    budget = RetryBudget(share=1, reserve=0)
    assert not budget.take()
    budget.pay_in()
    assert budget.take()


def test_the_usual_budget_multiplies_an_outage_by_no_more_than_a_tenth():
    budget = RetryBudget.of(HttpClientOptions())
    repeats = 0
    for _ in range(10_000):
        budget.pay_in()
        repeats += sum(budget.take() for _ in range(3))
    assert 1_000 <= repeats <= 1_011


@pytest.mark.parametrize(
    ("error", "method", "repeats", "reason"),
    [
        (httpx.ConnectError(""), "PUT", 3, "not_connected"),
        (httpx.ConnectTimeout(""), "DELETE", 0, "not_connected"),
        (httpx.ReadError(""), "GET", 0, "broken_off"),
        (httpx.RemoteProtocolError(""), "HEAD", 0, "broken_off"),
        (httpx.WriteError(""), "OPTIONS", 0, "broken_off"),
        (httpx.ReadError(""), "GET", 1, None),
        (httpx.ReadError(""), "PUT", 0, None),
        (httpx.ReadTimeout(""), "GET", 0, None),
        (httpx.PoolTimeout(""), "GET", 0, None),
        (httpx.LocalProtocolError(""), "GET", 0, None),
        (httpx.ProxyError(""), "GET", 0, None),
        (TimeoutError(), "GET", 0, None),
        (None, "GET", 0, None),
    ],
)
def test_what_may_be_sent_again(error, method, repeats, reason):
    assert failure_reason(error, method=method, repeats=repeats) == reason


def test_a_certificate_that_does_not_convince_is_not_asked_again():
    error = httpx.ConnectError("")
    error.__cause__ = OSError()
    error.__cause__.__context__ = ssl.SSLCertVerificationError()
    assert failure_reason(error, method="GET", repeats=0) is None


def test_statuses_that_are_asked_again():
    again = {status for status in range(100, 600) if status_reason(status)}
    assert again == {429, 502, 503, 504}
    assert status_reason(503) == "status_503"


def test_waits_are_drawn_from_nought_up_to_a_bound_that_doubles():
    def upper(repeat: int) -> float:
        return wait_before(repeat, retry_after=None, random=lambda: 1.0)

    assert [upper(repeat) for repeat in range(6)] == [0.5, 1, 2, 4, 8, 8]
    assert wait_before(5, retry_after=None, random=lambda: 0.0) == 0
    assert wait_before(0, retry_after=7, random=lambda: 0.5) == 7.25
