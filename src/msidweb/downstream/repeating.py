"""When a call that failed is sent again: how often, after how long, and within what budget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import httpx

from msidweb.clock import Clock
from msidweb.errors import DownstreamApiError
from msidweb.http import (
    HttpClients,
    Random,
    RetryBudget,
    failure_reason,
    retry_after_seconds,
    status_reason,
    wait_before,
)
from msidweb.http.retries import LONGEST_UNBOUNDED
from msidweb.telemetry import DownstreamRetried, DownstreamRetryWithheld, Telemetry

from .calls import Call
from .trace import Trace

Sleep: TypeAlias = Callable[[float], Awaitable[None]]


class Repeats:
    """Decides on repeats, with one budget for each HTTP client.

    Args:
        clients: Tell what is configured for each client.
        telemetry: Hears of repeats, and of those that are withheld.
        clock: The time.
        random: Draws the waits.
        sleep: How they are waited for.
    """

    def __init__(
        self,
        clients: HttpClients,
        telemetry: Telemetry,
        *,
        clock: Clock,
        random: Random,
        sleep: Sleep,
    ) -> None:
        self._clients = clients
        self._telemetry = telemetry
        self._clock = clock
        self._random = random
        self.sleep = sleep
        self._budgets: dict[str, RetryBudget] = {}

    def begin(self, call: Call) -> bool:
        """Whether *call* may be repeated at all; it pays into the budget then."""
        options = self._clients.options(call.plan.client)
        if not options.retries or call.method not in options.retry_methods:
            return False
        self._budget(call).pay_in()
        return True

    def after_failure(self, call: Call, trace: Trace, error: DownstreamApiError) -> float | None:
        """Seconds before the next attempt, or None where there is to be none."""
        # Before the request was on its way, the error is that of a hook, and not ours to judge.
        cause = error.__cause__ if trace.sending else None
        reason = failure_reason(cause, method=call.method, repeats=trace.repeats)
        return self._granted(call, trace, reason, None)

    def after_answer(self, call: Call, trace: Trace, head: httpx.Response) -> float | None:
        """Seconds before the next attempt, or None where the answer is final."""
        reason = status_reason(head.status_code)
        return self._granted(call, trace, reason, head.headers.get("retry-after"))

    def _granted(
        self, call: Call, trace: Trace, reason: str | None, retry_after: str | None
    ) -> float | None:
        limit = self._clients.options(call.plan.client).retries
        if reason is None or trace.repeats >= limit or not call.can_be_sent:
            return None
        after = retry_after_seconds(retry_after, now=self._clock.time())
        wait = wait_before(trace.repeats, retry_after=after, random=self._random)
        told: dict[str, Any] = {
            "service": call.plan.name,
            "method": call.method,
            "attempt": trace.attempts,
            "reason": reason,
            "correlation_id": trace.correlation_id,
        }
        withheld = self._withheld(call, trace, wait)
        if withheld is not None:
            self._telemetry.emit(DownstreamRetryWithheld(**told, limit=withheld))
            return None
        self._telemetry.emit(DownstreamRetried(**told, wait=wait))
        trace.repeats += 1
        return wait

    def _withheld(self, call: Call, trace: Trace, wait: float) -> str | None:
        left = trace.left(self._clock.monotonic())
        if wait >= (LONGEST_UNBOUNDED if left is None else left):
            return "deadline"
        return None if self._budget(call).take() else "budget"

    def _budget(self, call: Call) -> RetryBudget:
        name = call.plan.client
        if name not in self._budgets:
            self._budgets[name] = RetryBudget.of(self._clients.options(name))
        return self._budgets[name]
