"""What an API answered, as what the caller asked for: a model, parsed JSON, text, bytes."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import httpx
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from msidweb.errors import InvalidCallError
from msidweb.http import decoded
from msidweb.kinds import wrong_kind

from .answers import Answer
from .failures import unreadable
from .media import charset_of, is_json, media_type_of
from .paths import path_of

Deserializer: TypeAlias = Callable[[httpx.Response], Any]
"""Turns a response whose body was read into the result; may be async."""


def read_answer(answer: Answer, model: Any) -> Any:
    """The body of a successful *answer* as *model*.

    An empty body is None, or an empty ``str`` or ``bytes`` where that was asked for. Text is None
    for any other model, as .NET has it; without a model it is the text.

    Raises:
        DownstreamApiError: The body is not what its type says, or no *model*
            (``unreadable_answer``).
        InvalidCallError: Nothing can be validated against *model*.
    """
    if model is httpx.Response:
        return answer.response()
    if model is bytes:
        return answer.body
    media_type = media_type_of(answer.content_type)
    if is_json(media_type):
        return _from_json(answer, model) if answer.body.strip() else None
    if media_type and not media_type.startswith("text/"):
        return _from_other(answer, model)
    return _from_text(answer, model, labelled=bool(media_type))


def check_model(model: Any) -> None:
    """Return if answers can be read as *model*.

    Raises:
        InvalidCallError: pydantic cannot validate against it.
    """
    if not any(model is own for own in (None, str, bytes, httpx.Response)):
        adapter_of(model)


def _from_text(answer: Answer, model: Any, *, labelled: bool) -> Any:
    if model is str:
        return _decoded(answer)
    if not answer.body.strip():
        return None
    if labelled:
        return _decoded(answer) if model is None else None
    return _from_json(answer, model)


def _from_other(answer: Answer, model: Any) -> Any:
    if not answer.body:
        return None
    if model is None:
        return answer.body
    raise unreadable(answer, "of a type that no model reads; give a deserializer, or ask for bytes")


def _from_json(answer: Answer, model: Any) -> Any:
    text = _utf8(answer)
    try:
        return from_json(text) if model is None else adapter_of(model).validate_json(text)
    except ValidationError as error:
        reason = f"that is no {_name_of(model)} ({_complaints(error)})"
    except (ValueError, RecursionError):
        reason = "that is no JSON"
    raise unreadable(answer, reason)


def _complaints(error: ValidationError) -> str:
    # Messages may quote the body; the kinds are pydantic's own words.
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    shown = (
        f"{path_of(problem['loc'])}: {problem['type']}" for problem in problems[:_MAX_COMPLAINTS]
    )
    return ", ".join(shown)


_MAX_COMPLAINTS = 3


def _utf8(answer: Answer) -> bytes:
    charset = charset_of(answer.content_type)
    if charset in (None, "utf-8", "utf8", "us-ascii"):
        return answer.body.removeprefix(codecs.BOM_UTF8)
    return _decoded(answer).encode()


def _decoded(answer: Answer) -> str:
    try:
        return decoded(answer.body, charset_of(answer.content_type) or "utf-8-sig")
    except (LookupError, UnicodeDecodeError):
        reason = "that does not fit its charset"
    raise unreadable(answer, reason)


def adapter_of(model: Any) -> TypeAdapter[Any]:
    """The validator of *model*, built once.

    Raises:
        InvalidCallError: pydantic cannot validate against it.
    """
    if isinstance(model, str):
        # pydantic would look for a type of that name among our own.
        raise wrong_kind("response_model", model, "a type or a TypeAdapter")
    try:
        return _built(model)
    except Exception as error:
        # pydantic has no one error for what is no type: KeyError and IndexError are among them.
        msg = f"response_model= got {_name_of(model)}, which pydantic cannot validate against."
        remedy = str(error).partition("\n")[0]
        raise InvalidCallError(msg, code="response_model", remedy=remedy) from error


def _built(model: Any) -> TypeAdapter[Any]:
    if isinstance(model, TypeAdapter):
        return _complete(model)
    try:
        hash(model)
    except TypeError:  # Annotated with something unhashable
        return _complete(TypeAdapter(model))
    return _built_once(model)


@lru_cache(maxsize=512)
def _built_once(model: Any) -> TypeAdapter[Any]:
    return _complete(TypeAdapter(model))


def _complete(adapter: TypeAdapter[Any]) -> TypeAdapter[Any]:
    # One that names a type nobody defined is built all the same, and fails when it is used.
    if not adapter.pydantic_complete:
        adapter.rebuild(raise_errors=True)
    return adapter


def _name_of(model: Any) -> str:
    return str(getattr(model, "__name__", None) or model)
