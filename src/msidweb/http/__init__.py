"""HTTP to other services: named clients, guarded URLs and headers, bounded bodies, repeats."""

from .bounded import BodyTooLargeError, Unpacker, content_coding, read_bounded, read_excerpt
from .charsets import decoded, readable
from .clients import Clients, HttpClients
from .headers import DroppedHeader, guard_headers
from .names import laid_over
from .request import make_request
from .retries import Random, RetryBudget, failure_reason, status_reason, wait_before
from .retry_after import retry_after_seconds
from .urls import BaseUrl, path

__all__ = [
    "BaseUrl",
    "BodyTooLargeError",
    "Clients",
    "DroppedHeader",
    "HttpClients",
    "Random",
    "RetryBudget",
    "Unpacker",
    "content_coding",
    "decoded",
    "failure_reason",
    "guard_headers",
    "laid_over",
    "make_request",
    "path",
    "read_bounded",
    "read_excerpt",
    "readable",
    "retry_after_seconds",
    "status_reason",
    "wait_before",
]
