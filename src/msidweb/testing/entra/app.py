"""The emulator's HTTP face: an ASGI application of a dozen paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from msidweb.clock import Clock
from msidweb.testing.exchange import Answer, Receive, Request, Scope, Send, serve_exchange

from . import pages
from .authorization import Wish, find_client
from .browser import Browser
from .clients import basic_credentials
from .devices import Devices
from .directory import SHARED_TENANTS, Directory, Tenant
from .errors import Face, RefusalError, new_trace_id
from .faults import Faults
from .flaws import Forger
from .grants import TokenEndpoint
from .graph import Graph
from .keys import KeyRing
from .metadata import Address, instance_discovery, key_document, openid_configuration
from .wire import Wire

_Segments = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Route:
    endpoint: str
    method: str
    pattern: re.Pattern[str]
    handler: Callable[[Request, _Segments], Answer]
    face: Face


class EntraApp:
    """Routes, records, spoils and answers; the parts know what to say."""

    def __init__(
        self,
        *,
        directory: Directory,
        keys: KeyRing,
        address: Address,
        tokens: TokenEndpoint,
        browser: Browser,
        devices: Devices,
        graph: Graph,
        faults: Faults,
        forger: Forger,
        wire: Wire,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._address = address
        self._tokens = tokens
        self._browser = browser
        self._devices = devices
        self._graph = graph
        self._faults = faults
        self._forger = forger
        self._wire = wire
        self._clock = clock
        self._routes = self._table()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await serve_exchange(scope, receive, send, self._handle)

    async def _handle(self, request: Request) -> Answer:
        flow = _USER_FLOW.fullmatch(request.path)
        host = self._address.serves(request.headers.get("host", ""))
        if flow is None:
            with self._address.at(host):
                return await self._answered(request, request.path)
        with self._address.at(host, flow["policy"]):
            return await self._answered(request, f"/{flow['tenant']}{flow['rest']}")

    async def _answered(self, request: Request, path: str) -> Answer:
        route, segments = self._route(request.method, path)
        form = _form(request)
        correlation_id = (
            request.headers.get("client-request-id")
            or form.get("client-request-id")
            or new_trace_id()
        )
        fault = self._faults.take(
            route.endpoint,
            form or request.query,
            now=self._clock.time(),
            concerns=lambda: self._tokens.concerns(form),
        )
        code: int | None = None
        try:
            if fault is not None:
                await fault.stall()
                if fault.refusal is not None:
                    raise fault.refusal
            answer = route.handler(request, segments)
        except RefusalError as refusal:
            code = refusal.code
            answer = self._refused(route, refusal, correlation_id)
        if fault is not None:
            answer = fault.spoil(answer, self._forger.spoil)
        self._wire.record(
            request,
            at=self._clock.time(),
            endpoint=route.endpoint,
            correlation_id=correlation_id,
            status=answer.status,
            code=code,
        )
        return _stamped(answer, correlation_id)

    def _route(self, method: str, path: str) -> tuple[_Route, _Segments]:
        wrong_method = False
        for route in self._routes:
            match = route.pattern.fullmatch(path)
            if match is not None and route.method in {method, "ANY"}:
                return route, match.groupdict()
            wrong_method = wrong_method or match is not None
        return (_WRONG_METHOD if wrong_method else _NOT_FOUND), {}

    def _table(self) -> tuple[_Route, ...]:
        def route(
            endpoint: str,
            method: str,
            path: str,
            handler: Callable[[Request, _Segments], Answer],
            face: Face = _as_json,
        ) -> _Route:
            pattern = re.escape(path).replace("<", "(?P<").replace(">", ">[^/]+)")
            return _Route(endpoint, method, re.compile(pattern), handler, face)

        browser, page = self._browser, pages.refused
        configuration = ".well-known/openid-configuration"
        return (
            route("token", "POST", f"{_OAUTH}/token", self._token),
            route("authorize", "GET", f"{_OAUTH}/authorize", browser.authorize, page),
            route("authorize", "POST", f"{_OAUTH}/authorize", browser.authorize, page),
            route("login", "POST", "/login", browser.login, page),
            route("logout", "GET", f"{_OAUTH}/logout", browser.logout, page),
            route("logout", "POST", f"{_OAUTH}/logout", browser.logout, page),
            route("devicecode", "POST", f"{_OAUTH}/devicecode", self._device_code),
            route("login", "GET", "/devicelogin", browser.device_page, page),
            route("login", "POST", "/devicelogin", browser.device_entered, page),
            *(
                route(endpoint, "OPTIONS", path, lambda *_: Answer(204, headers=_PREFLIGHT))
                for endpoint, path in (
                    ("token", f"{_OAUTH}/token"),
                    ("metadata", f"/<tenant>/v2.0/{configuration}"),
                )
            ),
            route("metadata", "GET", f"/<tenant>/v2.0/{configuration}", self._metadata_v2),
            route("metadata", "GET", f"/<tenant>/{configuration}", self._metadata_v1),
            route("keys", "GET", "/<tenant>/discovery/v2.0/keys", self._key_document),
            route("keys", "GET", "/<tenant>/discovery/keys", self._key_document),
            route("discovery", "GET", "/<tenant>/discovery/instance", self._discovery),
            route("realm", "GET", "/common/userrealm/<user>", self._realm),
            route("graph", "GET", "/v1.0/me", lambda request, _: self._graph.me(request)),
            route("userinfo", "ANY", "/oidc/userinfo", lambda r, _: self._graph.userinfo(r)),
        )

    def _token(self, request: Request, segments: _Segments) -> Answer:
        origin = request.headers.get("origin", "")
        body = self._tokens.answer(segments["tenant"], _form(request), origin=origin)
        return Answer.of_json(body, headers=_CORS)

    def _device_code(self, request: Request, segments: _Segments) -> Answer:
        segment, form = segments["tenant"], request.form
        client = find_client(segment, form, self._directory)
        return Answer.of_json(self._devices.start(Wish.parse(client, segment, form)))

    def _metadata_v1(self, _: Request, segments: _Segments) -> Answer:
        return self._metadata(segments["tenant"], version=1)

    def _metadata_v2(self, _: Request, segments: _Segments) -> Answer:
        return self._metadata(segments["tenant"], version=2)

    def _metadata(self, segment: str, *, version: int) -> Answer:
        tenant = self._tenant(segment)
        document = openid_configuration(self._address, segment, tenant, version=version)
        return Answer.of_json(document, headers=_CORS)

    def _key_document(self, _: Request, segments: _Segments) -> Answer:
        segment = segments["tenant"]
        tenant = self._tenant(segment)
        document = key_document(self._address, segment, tenant, self._keys.published)
        return Answer.of_json(document, headers=_CORS)

    def _discovery(self, request: Request, _: _Segments) -> Answer:
        document = instance_discovery(
            self._address, request.query.get("authorization_endpoint", "")
        )
        if document is None:
            raise RefusalError(50049)
        return Answer.of_json(document, headers=_CORS)

    def _realm(self, _: Request, segments: _Segments) -> Answer:
        return Answer.of_json(
            {
                "ver": "1.0",
                "account_type": "Managed",
                "domain_name": segments["user"].rpartition("@")[2],
                "cloud_instance_name": self._address.host,
                "cloud_audience_urn": "urn:federation:MicrosoftOnline",
            }
        )

    def _tenant(self, segment: str) -> Tenant | None:
        tenant = self._directory.find_tenant(segment)
        if tenant is None and segment not in SHARED_TENANTS:
            raise RefusalError(90002, f"Tenant '{segment}' not found.")
        return tenant

    def _refused(self, route: _Route, refusal: RefusalError, correlation_id: str) -> Answer:
        trace_id = new_trace_id()
        body = refusal.body(
            now=self._clock.time(),
            trace_id=trace_id,
            correlation_id=correlation_id,
            host=self._address.host,
        )
        answer = (refusal.face or route.face)(refusal, body)
        headers = {"x-ms-clitelem": f"1,{refusal.code},0,,", "x-ms-request-id": trace_id}
        return replace(answer, headers={**answer.headers, **headers})


def _as_json(refusal: RefusalError, body: Mapping[str, object]) -> Answer:
    return Answer.of_json(body, status=refusal.status, headers=_CORS)


_USER_FLOW = re.compile(
    r"(?:/tfp)?/(?P<tenant>[^/]+)/(?P<policy>b2c_1a?_[\w-]+)(?P<rest>/.+)", re.IGNORECASE | re.ASCII
)
_OAUTH = "/<tenant>/oauth2/v2.0"
_CORS = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {
    **_CORS,
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}
_EVERYWHERE = re.compile("")
_NOT_FOUND = _Route("unknown", "ANY", _EVERYWHERE, lambda *_: Answer(404), _as_json)
_WRONG_METHOD = _Route("unknown", "ANY", _EVERYWHERE, lambda *_: Answer(405), _as_json)


def _form(request: Request) -> _Segments:
    return {**request.form, **basic_credentials(request.headers.get("authorization", ""))}


def _stamped(answer: Answer, correlation_id: str) -> Answer:
    headers = {
        "Cache-Control": "no-store, no-cache",
        "Pragma": "no-cache",
        "client-request-id": correlation_id,
        "x-ms-request-id": new_trace_id(),
        "x-ms-ests-server": "2.1.0 - EMULATOR",
    }
    return replace(answer, headers=headers | dict(answer.headers))
