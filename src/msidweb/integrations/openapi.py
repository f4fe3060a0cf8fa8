"""The sign-in of an API's callers, as OpenAPI documents it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi.openapi.models import OAuth2, OAuthFlowAuthorizationCode, OAuthFlows

from msidweb.authority import resolve_authority

from .web import WebScheme


class Documentation:
    """The OpenAPI scheme of one dependency; of several, each is an alternative.

    Scopes are written in full there, as Entra ID wants them.

    Attributes:
        name: What requirements call the dependency until :meth:`complete`.
        optional_name: What they call it where callers without a token may come too.
        model: For FastAPI.
        client_id: The API's own registration.
        scopes: Bare names to offer besides those that operations require.
    """

    def __init__(self, schemes: Sequence[WebScheme]) -> None:
        self._schemes = [_Scheme(scheme) for scheme in schemes]
        self.name = ".".join(scheme.name for scheme in schemes)
        self.optional_name = f"{self.name}?"
        self.model = self._schemes[0].model
        self.client_id = schemes[0].options.client_id
        self.scopes: dict[str, None] = {}

    def complete(self, schema: dict[str, Any]) -> dict[str, Any]:
        """*schema* with full scope names, at the operations and at the schemes."""
        components = schema.get("components", {}).get("securitySchemes", {})
        found = [components.pop(name, None) for name in (self.name, self.optional_name)]
        if found == [None, None]:
            return schema
        for operation in _operations(schema):
            operation["security"] = self._security(operation["security"])
        for scheme in self._schemes:
            wanted = dict.fromkeys(map(scheme.full, (*scheme.scopes, *self.scopes)))
            for operation in _operations(schema):
                for requirement in operation["security"]:
                    wanted.update(dict.fromkeys(requirement.get(scheme.name, ())))
            components.setdefault(scheme.name, scheme.document(wanted))
        return schema

    def _security(self, requirements: list[dict[str, list[str]]]) -> list[dict[str, list[str]]]:
        security = [
            alternative
            for requirement in requirements
            for alternative in self._alternatives(requirement)
        ]
        named = {name for requirement in requirements for name in requirement}
        optional = self.optional_name in named and self.name not in named
        return [*security, {}] if optional else security

    def _alternatives(self, requirement: dict[str, list[str]]) -> Iterator[dict[str, list[str]]]:
        names = (self.name, self.optional_name)
        scopes = [scope for name in names for scope in requirement.get(name, ())]
        if not requirement.keys() & {*names}:
            yield requirement
            return
        others = {name: value for name, value in requirement.items() if name not in names}
        for scheme in self._schemes:
            yield {**others, scheme.name: list(map(scheme.full, scopes))}


class _Scheme:
    def __init__(self, scheme: WebScheme) -> None:
        options = scheme.options
        authority = resolve_authority(options)
        flow = OAuthFlowAuthorizationCode(
            authorizationUrl=authority.authorization_endpoint, tokenUrl=authority.token_endpoint()
        )
        self.name = scheme.name
        self.model = OAuth2(
            flows=OAuthFlows(authorizationCode=flow), description="Microsoft Entra ID"
        )
        self.scopes = tuple(options.scopes or ())
        audience = options.audience or f"api://{options.client_id}"
        self._resource = audience if "://" in audience else f"api://{audience}"

    def full(self, scope: str) -> str:
        """*scope* as it is asked for."""
        return scope if "://" in scope else f"{self._resource}/{scope}"

    def document(self, wanted: Mapping[str, object]) -> dict[str, Any]:
        """The scheme with the scopes that are *wanted*."""
        shown: dict[str, Any] = self.model.model_dump(by_alias=True, exclude_none=True, mode="json")
        described = {full: full.rpartition("/")[2] for full in wanted or [self.full(".default")]}
        shown["flows"]["authorizationCode"]["scopes"] = described
        return shown


def _operations(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in (*schema.get("paths", {}).values(), *schema.get("webhooks", {}).values()):
        for operation in path.values():
            if isinstance(operation, dict) and "security" in operation:
                yield operation
