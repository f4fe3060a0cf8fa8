"""One call made ready: every argument is checked here, before a token is asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import httpx

from msidweb.configuration.options import AcquireTokenOptions
from msidweb.errors import InvalidCallError
from msidweb.http import DroppedHeader, guard_headers
from msidweb.kinds import check_kind, wrong_kind
from msidweb.principal import Principal

from .arguments import AppCall
from .bodies import Body, content_body, json_body, serialized_body
from .forms import form_body
from .hooks import RequestHooks
from .resolution import ApiPlan, override, with_session_key
from .scopes import app_scope, own_scopes
from .uploads import Upload


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may be sent.

    Attributes:
        plan: The API, with this call's options.
        method: Verb.
        url: Where to.
        headers: Everything but Authorization.
        dropped: Headers of this call that are not sent.
        content: Body, None for none.
        for_app: Whether the application's token is attached, not the user's.
        user: The user, None for the one of the current request.
        timeout: Seconds for everything, None for the client's.
        connect_timeout: Seconds to connect, None for the client's.
        read_timeout: Longest silence, None for the client's.
    """

    plan: ApiPlan
    method: str
    url: str
    headers: httpx.Headers
    dropped: tuple[DroppedHeader, ...]
    content: bytes | Upload | None = field(repr=False)
    for_app: bool
    user: Principal | None
    timeout: float | None
    connect_timeout: float | None
    read_timeout: float | None

    @property
    def can_be_sent(self) -> bool:
        """Whether its body was not sent yet, or can be sent again."""
        return not isinstance(self.content, Upload) or self.content.can_be_sent


async def prepare(
    plan: ApiPlan,
    path: str | None,
    call: AppCall,
    *,
    method: str | None,
    for_app: bool | None,
    user: Principal | None = None,
    session_key: str | None = None,
) -> Call:
    """The call to *path*; *method* and *for_app* are the options' where they are None.

    Raises:
        InvalidCallError: An argument is refused; nothing was sent.
    """
    _check_kinds(call, path, user)
    _check_seconds(call)
    configured, plan = plan, _effective(plan, call, session_key)
    for_app = plan.request_app_token if for_app is None else for_app
    if plan.scopes and for_app:
        app_scope(plan.name, plan.scopes)
    body = Body() if call.keys().isdisjoint(_BODIES) else await _body(plan, call)
    headers, dropped = _headers(plan, body, call.get("headers"))
    return Call(
        plan=plan,
        method=method or plan.method,
        url=plan.base.join(plan.relative_path if path is None else path, _query(plan, call)),
        headers=headers,
        dropped=(*(drop for drop in plan.dropped if drop not in configured.dropped), *dropped),
        content=body.content,
        for_app=for_app,
        user=user,
        timeout=call.get("timeout"),
        connect_timeout=call.get("connect_timeout"),
        read_timeout=call.get("read_timeout"),
    )


_KINDS: Mapping[str, tuple[type, ...]] = {
    "connect_timeout": (int, float),
    "content_type": (str,),
    "data": (Mapping,),
    "files": (Mapping, list, tuple),
    "headers": (Mapping,),
    "params": (Mapping,),
    "path": (str,),
    "read_timeout": (int, float),
    "scopes": (str, Sequence),
    "session_key": (str,),
    "timeout": (int, float),
    "user": (Principal,),
}


def _check_kinds(call: AppCall, path: object, user: object) -> None:
    given = {**call, "path": path, "user": user}
    for name, value in given.items():
        kinds = _KINDS.get(name)
        if kinds is not None and value is not None:
            check_kind(name, value, *kinds)


def _check_seconds(call: AppCall) -> None:
    given = {
        "timeout": call.get("timeout"),
        "connect_timeout": call.get("connect_timeout"),
        "read_timeout": call.get("read_timeout"),
    }
    for name, limit in given.items():
        # Written so that NaN is refused too, and an integer that is no float.
        if limit is not None and not 0 < limit <= sys.float_info.max:
            msg = f"{name} is no positive, finite number of seconds."
            raise InvalidCallError(msg, code="invalid_timeout")


_FUNCTIONS = ("serializer", "deserializer", "customize_request")


def _with_functions(plan: ApiPlan, call: AppCall) -> ApiPlan:
    for name in _FUNCTIONS:
        function = call.get(name)
        if function is None:
            continue
        if not callable(function):
            raise wrong_kind(name, function, "a function")
        if name == "customize_request":
            hooks = plan.hooks or RequestHooks()
            plan = replace(plan, hooks=hooks.and_customized(function))
        elif name == "serializer":
            plan = replace(plan, serializer=function)
        else:
            plan = replace(plan, deserializer=function)
    return plan


def _effective(plan: ApiPlan, call: AppCall, session_key: str | None) -> ApiPlan:
    options, scopes = call.get("options"), call.get("scopes")
    configured = plan.scopes
    if options is not None:
        plan = override(plan, options)
    if not call.keys().isdisjoint(_FUNCTIONS):
        plan = _with_functions(plan, call)
    if scopes is not None:
        plan = replace(plan, scopes=own_scopes(plan.name, configured, scopes))
    if session_key is not None:
        plan = with_session_key(plan, session_key)
    if plan.acquire is not None and plan.key_owner is None:
        refuse_lost_key(plan.name, plan.acquire)
    return plan


def refuse_lost_key(name: str, acquire: AcquireTokenOptions) -> None:
    """Raise InvalidCallError where a session key would be generated and nobody would get it."""
    if acquire.session_key == AcquireTokenOptions.SESSION_KEY_AUTO:
        msg = f"{name!r}: the generated session key would be lost; no object of yours can take it."
        remedy = (
            "pass options=DownstreamApiOptions(acquire_token_options=AcquireTokenOptions("
            "session_key=AcquireTokenOptions.SESSION_KEY_AUTO)) and read the key from it"
        )
        raise InvalidCallError(msg, code="session_key_lost", remedy=remedy)


_OTHER_BODIES = ("content", "content_type", "data", "files")
_BODIES = ("json", *_OTHER_BODIES)


async def _body(plan: ApiPlan, call: AppCall) -> Body:
    value = call.get("json")
    if plan.serializer is None and call.keys().isdisjoint(_OTHER_BODIES):
        return json_body(value)
    content, data, files = call.get("content"), call.get("data"), call.get("files")
    form = data is not None or files is not None
    if (content is not None) + (value is not None) + form > 1:
        msg = "A call takes one of json=, content= and a form (data=, files=)."
        raise InvalidCallError(msg, code="two_bodies")
    given = call.get("content_type")
    if form:
        if given is not None or _names_content_type(call):
            msg = "A form has a content type of its own, which no call can give."
            raise InvalidCallError(msg, code="form_input")
        return form_body(data, files)
    label = plan.content_type if given is None else given
    if content is not None:
        return content_body(content, label)
    if plan.serializer is not None:
        return await serialized_body(value, plan.serializer, label)
    body = json_body(value)
    return body if given is None or value is None else replace(body, content_type=given or None)


def _names_content_type(call: AppCall) -> bool:
    return any(name.lower() == "content-type" for name in call.get("headers") or ())


def _query(plan: ApiPlan, call: AppCall) -> Mapping[str, str]:
    params = call.get("params")
    if not params:
        return plan.query
    for name in params:
        check_kind("the name of a query parameter", name, str)
    return {**plan.query, **{name: _text(value) for name, value in params.items()}}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | dict | set):
        msg = "A query parameter takes one value; put repeated ones into the path."
        raise InvalidCallError(msg, code="invalid_argument")
    check_kind("a query parameter", value, str, int, float)
    try:
        return str(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        msg = "A query parameter is a number too long to be written."
        raise InvalidCallError(msg, code="invalid_argument") from None


def _headers(
    plan: ApiPlan, body: Body, more: Mapping[str, str] | None
) -> tuple[httpx.Headers, tuple[DroppedHeader, ...]]:
    if not more and body.content_type is None and not isinstance(body.content, Upload):
        return plan.headers, ()
    own, dropped = guard_headers(more or {})
    merged = plan.headers.copy()
    if body.content_type is not None:
        merged.update(guard_headers({"Content-Type": body.content_type})[0])
    if isinstance(body.content, Upload) and body.content.length is not None:
        merged["Content-Length"] = str(body.content.length)
    merged.update(own)
    return merged, dropped
