"""The options of one API, resolved once; a call that changes nothing copies nothing."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import httpx

from msidweb.configuration import edit
from msidweb.configuration.options import AcquireTokenOptions, DownstreamApiOptions
from msidweb.errors import InvalidCallError
from msidweb.http import BaseUrl, DroppedHeader, guard_headers
from msidweb.kinds import refused, wrong_kind

from .arguments import OptionsOverride
from .bodies import Serializer
from .hooks import RequestHooks
from .reading import Deserializer
from .scopes import app_scope, own_scopes


@dataclass(frozen=True, slots=True)
class ApiPlan:
    """What every call to one API has in common.

    Attributes:
        name: Name of the API.
        client: Name of its HTTP client.
        base: Its root.
        relative_path: Path of a call that gives none.
        method: Verb of ``call_api``.
        request_app_token: Whether ``call_api`` asks for the application's token.
        scopes: What its token must allow; none means calls without a token.
        acquire: What its token requests ask for beyond their scopes, None when nothing.
        headers: Headers of every request, Accept included.
        dropped: Configured headers that are not sent.
        query: Query parameters of every request.
        content_type: Content type of text and bytes bodies, None when the options leave it open.
        serializer: Turns ``json=`` into a body.
        deserializer: Turns the response into the result.
        hooks: What is called with its requests, None for nothing.
        options: The options that all this was taken from; a copy that nobody else has.
        key_owner: Where the caller looks for a generated session key.
    """

    name: str
    client: str
    base: BaseUrl
    relative_path: str
    method: str
    request_app_token: bool
    scopes: tuple[str, ...]
    acquire: AcquireTokenOptions | None
    headers: httpx.Headers
    dropped: tuple[DroppedHeader, ...]
    query: Mapping[str, str]
    content_type: str | None
    serializer: Serializer | None
    deserializer: Deserializer | None
    hooks: RequestHooks | None
    options: DownstreamApiOptions = field(repr=False)
    key_owner: AcquireTokenOptions | None = field(default=None, repr=False)


def plan_api(
    name: str, options: DownstreamApiOptions, *, hooks: RequestHooks | None = None
) -> ApiPlan:
    """The plan of the API *name*; later changes of *options* do not reach it.

    Args:
        name: Name of the API.
        options: Its options.
        hooks: What is called with the requests to every API, before the API's own.

    Raises:
        InvalidCallError: The options cannot work: base URL, method, scheme or a header is refused.
    """
    return _plan(
        name,
        _base(name, options),
        copy.deepcopy(options),
        (hooks or RequestHooks()).and_of(options),
    )


def objections(name: str, options: DownstreamApiOptions) -> Iterator[tuple[str, InvalidCallError]]:
    """Each option that :func:`plan_api` or every plain call refuses, by its .NET name, and why."""
    return refused((option, partial(check, name, options)) for option, check in _CHECKS.items())


def _plan(name: str, base: BaseUrl, options: DownstreamApiOptions, hooks: RequestHooks) -> ApiPlan:
    _check_scheme(name, options)
    extra, dropped = _extra(name, options)
    acquire = options.acquire_token_options
    return ApiPlan(
        name=name,
        client=options.http_client_name or name,
        base=base,
        relative_path=options.relative_path,
        method=_method(name, options),
        request_app_token=options.request_app_token,
        scopes=tuple(options.scopes or ()),
        acquire=None if acquire == AcquireTokenOptions() else acquire,
        headers=httpx.Headers({**_accept(name, options), **extra}),
        dropped=dropped,
        query=options.extra_query_parameters or {},
        content_type=options.content_type if "content_type" in options.model_fields_set else None,
        serializer=options.serializer,
        deserializer=options.deserializer,
        hooks=hooks or None,
        options=options,
    )


def _base(name: str, options: DownstreamApiOptions) -> BaseUrl:
    if not options.base_url:
        raise InvalidCallError(f"{name!r} has no base URL.", code="base_url_missing")
    return BaseUrl.of(options.base_url, allow_encoded_slash=options.allow_encoded_slash)


def _check_scheme(name: str, options: DownstreamApiOptions) -> None:
    if options.protocol_scheme.casefold() != "bearer":
        msg = f"{name!r}: the protocol scheme {options.protocol_scheme!r} is not offered."
        raise InvalidCallError(msg, code="protocol_scheme", remedy="use 'Bearer'")


def _extra(
    _name: str, options: DownstreamApiOptions
) -> tuple[dict[str, str], tuple[DroppedHeader, ...]]:
    return guard_headers(
        options.extra_header_parameters or {}, taken=("accept",) if options.accept_header else ()
    )


def _accept(_name: str, options: DownstreamApiOptions) -> dict[str, str]:
    value = options.accept_header
    accept, _ = guard_headers({"Accept": value} if value else {})
    return accept


_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*")


def _method(name: str, options: DownstreamApiOptions) -> str:
    if not _METHOD.fullmatch(options.http_method):
        raise InvalidCallError(f"{name!r}: the HTTP method is not a token of RFC 9110.")
    return options.http_method.upper() or "GET"


def _path(_name: str, options: DownstreamApiOptions) -> str:
    # Whether a path stays below its base does not depend on which base that is.
    base = BaseUrl("https://localhost", options.allow_encoded_slash)
    return base.join(options.relative_path)


def _query(_name: str, options: DownstreamApiOptions) -> str:
    return BaseUrl("https://localhost").join(query=options.extra_query_parameters)


def _content_type(_name: str, options: DownstreamApiOptions) -> object:
    return guard_headers({"Content-Type": options.content_type})


def _scope(name: str, options: DownstreamApiOptions) -> None:
    if options.request_app_token and options.scopes:
        app_scope(name, options.scopes)


_CHECKS: Mapping[str, Callable[[str, DownstreamApiOptions], object]] = {
    "BaseUrl": _base,
    "ProtocolScheme": _check_scheme,
    "ExtraHeaderParameters": _extra,
    "AcceptHeader": _accept,
    "HttpMethod": _method,
    "RelativePath": _path,
    "ExtraQueryParameters": _query,
    "ContentType": _content_type,
    "Scopes": _scope,
}


def override(plan: ApiPlan, options: OptionsOverride) -> ApiPlan:
    """*plan* with the per-call *options*; neither *plan* nor the caller's object is changed.

    Raises:
        InvalidCallError: As for :func:`plan_api`, or the base URL or the scopes' resource is
            another one.
    """
    wanted = copy.deepcopy(plan.options)
    if isinstance(options, DownstreamApiOptions):
        _lay_over(wanted, options)
        owner: AcquireTokenOptions | None = options.acquire_token_options
    elif not callable(options):
        raise wrong_kind("options", options, "DownstreamApiOptions or a function that edits them")
    else:
        ours = wanted.acquire_token_options
        _edited(wanted, options, plan.name)
        owner = wanted.acquire_token_options
        owner = None if owner is ours else owner
    if wanted.base_url != plan.options.base_url:
        msg = f"{plan.name!r}: a call cannot change the base URL."
        raise InvalidCallError(msg, code="foreign_base_url", remedy="configure an API of its own")
    own_scopes(plan.name, plan.scopes, wanted.scopes or ())
    hooks = (plan.hooks or RequestHooks()).and_of(wanted, known=plan.options)
    overridden = _plan(plan.name, plan.base, copy.deepcopy(wanted), hooks)
    return replace(overridden, key_owner=owner)


def _edited(
    wanted: DownstreamApiOptions, configure: Callable[[DownstreamApiOptions], object], name: str
) -> None:
    problems = edit(wanted, configure, place=f"{name!r}: options")
    if problems:
        raise InvalidCallError("; ".join(map(str, problems)), code="options_value")


def _lay_over(wanted: DownstreamApiOptions, given: DownstreamApiOptions) -> None:
    for name in given.model_fields_set - {"acquire_token_options"}:
        setattr(wanted, name, getattr(given, name))
    # Its own set fields count, also where it was edited in place and never assigned.
    acquire = given.acquire_token_options
    for name in acquire.model_fields_set:
        setattr(wanted.acquire_token_options, name, getattr(acquire, name))


def with_session_key(plan: ApiPlan, key: str) -> ApiPlan:
    """*plan* for the long-running session *key*."""
    acquire = plan.acquire or AcquireTokenOptions()
    return replace(plan, acquire=acquire.model_copy(update={"session_key": key}), key_owner=None)
