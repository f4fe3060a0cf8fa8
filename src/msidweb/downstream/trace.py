"""What is known of one call while it is under way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Trace:
    """The progress of a call.

    Attributes:
        started: When it began, by the monotonic clock.
        seconds: Its deadline, counted from then; None where there is none.
        correlation_id: Its id, or None.
        attempts: Requests so far.
        repeats: Those that repeat one that failed.
        sending: Whether the last of them was on its way, hooks and token done.
        status: Status of the last answer, None where none came.
        challenge_unanswered: Whether that demands claims, and the body cannot be sent again.
    """

    started: float
    seconds: float | None
    correlation_id: str | None
    attempts: int = 0
    repeats: int = 0
    sending: bool = False
    status: int | None = None
    challenge_unanswered: bool = False

    def left(self, now: float) -> float | None:
        """Seconds until the deadline, or None."""
        return None if self.seconds is None else self.started + self.seconds - now
