"""What a call may be given by keyword, and the check that nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from typing import IO, Any, TypeAlias, TypedDict

from pydantic import TypeAdapter
from typing_extensions import TypeVar

from msidweb.configuration.options import DownstreamApiOptions
from msidweb.configuration.spelling import did_you_mean
from msidweb.errors import InvalidCallError
from msidweb.principal import Principal

from .bodies import Serializer
from .hooks import RequestHook
from .reading import Deserializer

T = TypeVar("T", default=Any)

Model: TypeAlias = type[T] | TypeAdapter[T]
"""Type of the answer: whatever pydantic validates, ``str``, ``bytes`` or ``httpx.Response``.

A union has no ``type[...]``; give it as ``TypeAdapter(A | B)``.
"""

PARSED: Any = None
"""No model: the answer is the parsed JSON, or the text, or the bytes, as its type says."""

Scalar: TypeAlias = str | int | float | bool | None

Source: TypeAlias = str | bytes | AsyncIterable[bytes] | IO[bytes]

Content: TypeAlias = Source | Callable[[], Any]
"""Text, bytes, an async iterator or a file; or a function, sync or async, that makes one of them
anew each time that the request is sent."""

OptionsOverride: TypeAlias = DownstreamApiOptions | Callable[[DownstreamApiOptions], None]


class AppCall(TypedDict, total=False):
    """Keywords of a call with the application's own token.

    Attributes:
        json: Body, sent as JSON: a pydantic model, dataclass, TypedDict or plain value; a number
            that is not finite is refused, as JSON has none.
        content: Body, sent as it is (:data:`Content`), with the ``content_type`` of the options.
        data: Fields of a form; alone it is sent urlencoded.
        files: Files of a multipart form, as httpx takes them.
        content_type: Content type of ``json`` or ``content``, instead of the usual one.
        params: Query parameters, besides the configured ones; they win over those.
        headers: Headers, besides the configured ones; they win over those.
        timeout: Seconds for everything: token, call, one repetition, and reading the answer.
        connect_timeout: Seconds to connect.
        read_timeout: Longest silence of the API, in seconds.
        serializer: Turns ``json`` into ``(body, content type)``, instead of the options'; sync or
            async, as the next one.
        deserializer: Turns the successful ``httpx.Response`` into the result.
        customize_request: Called with the request last of all, besides those of the options.
        scopes: Scopes of the API's own resource, instead of the configured ones.
        options: Options whose set fields win over the configured ones, or a function that edits a
            copy of those. The other keywords win over both.
    """

    json: object
    content: Content | None
    data: Mapping[str, Any] | None
    files: Any
    content_type: str | None
    params: Mapping[str, Scalar] | None
    headers: Mapping[str, str] | None
    timeout: float | None
    connect_timeout: float | None
    read_timeout: float | None
    serializer: Serializer | None
    deserializer: Deserializer | None
    customize_request: RequestHook | None
    scopes: Sequence[str] | None
    options: OptionsOverride | None


class UserCall(AppCall, total=False):
    """Keywords of a call on behalf of a user.

    Attributes:
        user: The user, instead of the one of the current request.
        session_key: Long-running session whose user is meant.
    """

    user: Principal | None
    session_key: str | None


def check_keywords(call: Mapping[str, object], known: frozenset[str]) -> None:
    """Raise InvalidCallError when *call* has a keyword that is not *known*."""
    for name in call:
        if name not in known:
            msg = f"A call takes no {name!r}{did_you_mean(name, known)}."
            raise InvalidCallError(msg, code="unknown_argument")
