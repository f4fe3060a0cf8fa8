"""What the emulator's tokens say, and the hand that signs them."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import jwt

from msidweb.clock import Clock
from msidweb.encoding import decode_base64url, encode_base64url
from msidweb.errors import InvalidCallError

from .directory import GRAPH_CLIENT_ID, App, Directory, TokenVersion, User
from .keys import KeyRing
from .metadata import Address

Claims = dict[str, object]


@dataclass(slots=True)
class Lifetimes:
    """How long the emulator's tokens live, in seconds; may be changed at any time.

    Attributes:
        expires_in: Life of an access token.
        ext_expires_in: Life in an outage; the same unless given.
        refresh_in: When clients shall renew ahead; left out unless given.
        refresh_token: Life of a refresh token.
        spa_refresh_token: Life of a single-page app's; those that follow end with the first.
        authorization_code: Life of an authorization code.
        device_code: Life of a device code.
        device_interval: How long a device waits between two polls.
        browser_session: How long a browser stays signed in.
    """

    expires_in: float = 3599
    ext_expires_in: float | None = None
    refresh_in: float | None = None
    refresh_token: float = 90 * 86_400
    spa_refresh_token: float = 86_400
    authorization_code: float = 600
    device_code: float = 900
    device_interval: float = 5
    browser_session: float = 86_400


@dataclass(frozen=True, slots=True)
class Subject:
    """A signed-in user, as one tenant sees them."""

    user: User
    tenant_id: str
    mfa: bool = False
    authentication_contexts: tuple[str, ...] = ()

    @property
    def oid(self) -> str:
        """Object id in that tenant."""
        return self.user.object_id(self.tenant_id) or self.user.oid


@dataclass(frozen=True, slots=True)
class Target:
    """The resource a token is for, and the form in which the client named it."""

    resource: App
    uri: str

    def audience(self, version: TokenVersion) -> str:
        """``aud``: the client id in v2 tokens, the requested URI in v1 tokens."""
        return self.resource.client_id if version != 1 else self.uri


class TokenFactory:
    """Makes and recognizes the emulator's tokens."""

    def __init__(
        self, directory: Directory, keys: KeyRing, address: Address, *, clock: Clock
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._address = address
        self._clock = clock
        self.lifetimes = Lifetimes()

    def user_token(
        self,
        subject: Subject,
        target: Target,
        scopes: Iterable[str],
        *,
        client: App,
        version: TokenVersion | None = None,
        capabilities: Iterable[str] = (),
        expires_in: float | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> str:
        """A delegated access token."""
        version = version or target.resource.token_version
        claims = self._envelope(subject.tenant_id, target, version, client, expires_in)
        claims |= {
            "oid": subject.oid,
            "sub": pairwise(subject.user, target.resource.client_id),
            "name": subject.user.name,
            "scp": " ".join(scopes),
        }
        claims |= _names(subject.user, version) | self._provider(subject)
        roles = self._directory.user_roles(subject.oid, target.resource)
        optional: Claims = {
            "roles": roles,
            "amr": ["pwd", "mfa"] if subject.mfa else [],
            "acrs": list(subject.authentication_contexts),
            "xms_cc": [name.upper() for name in capabilities],
        }
        claims |= {name: value for name, value in optional.items() if value}
        return self._finish(claims, target, version, overrides)

    def app_token(
        self,
        client: App,
        target: Target,
        *,
        tenant_id: str,
        version: TokenVersion | None = None,
        expires_in: float | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> str:
        """An access token of an application."""
        version = version or target.resource.token_version
        claims = self._envelope(tenant_id, target, version, client, expires_in)
        principal = client.service_principal(tenant_id)
        claims |= {"oid": principal, "sub": principal}
        if target.resource.id_type_claim:
            claims["idtyp"] = "app"
        roles = self._directory.app_roles(client, target.resource, tenant_id=tenant_id)
        if roles:
            claims["roles"] = roles
        return self._finish(claims, target, version, overrides)

    def id_token(self, subject: Subject, client: App, *, nonce: str | None = None) -> str:
        """An OpenID Connect id token for a client."""
        claims = self._times(None) | {
            "aud": client.client_id,
            "iss": self._address.issuer(subject.tenant_id, version=2),
            "sub": pairwise(subject.user, client.client_id),
            "oid": subject.oid,
            "tid": subject.tenant_id,
            "ver": "2.0",
            "rh": "0.AAAA",
            "uti": _unique(),
            "name": subject.user.name,
            "preferred_username": subject.user.upn,
        }
        optional: Claims = {"nonce": nonce, "acrs": list(subject.authentication_contexts)}
        claims |= {name: value for name, value in optional.items() if value}
        return self.sign(self._in_user_flow(claims | self._provider(subject)))

    def _in_user_flow(self, claims: Claims) -> Claims:
        policy, name = self._address.policy, claims.get("preferred_username")
        if policy is None:
            return claims
        kept = {key: value for key, value in claims.items() if key != "preferred_username"}
        return kept | {"ver": "1.0", "tfp": policy} | ({"emails": [name]} if name else {})

    def sign(self, claims: Mapping[str, object], header: Mapping[str, object] | None = None) -> str:
        """Any claims under the current key; *header* adds to and replaces header fields.

        Raises:
            InvalidCallError: No JWT can say that.
        """
        try:
            return self._signed(claims, header)
        except (jwt.PyJWTError, TypeError, ValueError, NotImplementedError) as error:
            raise InvalidCallError(
                f"No token can be signed with these claims: {error}", code="invalid_argument"
            ) from None

    def _signed(self, claims: Mapping[str, object], header: Mapping[str, object] | None) -> str:
        key = self._keys.signing
        fields = {"kid": key.kid, **(header or {})}
        nonce = fields.get("nonce")
        if not isinstance(nonce, str):
            return jwt.encode(dict(claims), key.private, algorithm="RS256", headers=fields)
        # Entra ID signs such tokens over the nonce's hash: only the resource itself can tell.
        hashed = fields | {"nonce": _nonce_hash(nonce)}
        token = jwt.encode(dict(claims), key.private, algorithm="RS256", headers=hashed)
        return _with_nonce(token, nonce)

    def recognize(self, token: str) -> Claims | None:
        """The claims of a token of ours, whatever its time; None for any other."""
        try:
            header = jwt.get_unverified_header(token)
            nonce = header.get("nonce")
            key = self._keys.find(header.get("kid"))
            if key is None:
                return None
            if isinstance(nonce, str):
                token = _with_nonce(token, _nonce_hash(nonce))
            payload: Claims = jwt.decode(
                token, key.private.public_key(), algorithms=["RS256"], options=_SIGNATURE_ONLY
            )
        except (jwt.PyJWTError, ValueError):
            return None
        return payload

    def _provider(self, subject: Subject) -> Claims:
        home = subject.user.tid
        return {} if home == subject.tenant_id else {"idp": self._address.issuer(home, version=1)}

    def _envelope(
        self,
        tenant_id: str,
        target: Target,
        version: TokenVersion,
        client: App,
        expires_in: float | None,
    ) -> Claims:
        strength = "0" if client.public else "1" if client.secrets else "2"
        names = ("appid", "appidacr") if version == 1 else ("azp", "azpacr")
        return self._times(expires_in) | {
            "aud": target.audience(version),
            "iss": self._address.issuer(tenant_id, version=version),
            "tid": tenant_id,
            names[0]: client.client_id,
            names[1]: strength,
            "rh": "0.AAAA",
            "uti": _unique(),
            "ver": f"{version}.0",
        }

    def _times(self, expires_in: float | None) -> Claims:
        now = int(self._clock.time())
        life = self.lifetimes.expires_in if expires_in is None else expires_in
        return {"iat": now, "nbf": now, "exp": int(now + life)}

    def _finish(
        self,
        claims: Claims,
        target: Target,
        version: TokenVersion,
        overrides: Mapping[str, object] | None,
    ) -> str:
        claims = self._in_user_flow(claims)
        for name, value in (overrides or {}).items():
            if value is None:
                claims.pop(name, None)
            else:
                claims[name] = value
        header: Claims = {"x5t": self._keys.signing.kid} if version == 1 else {}
        if target.resource.client_id == GRAPH_CLIENT_ID:
            header["nonce"] = _unique()
        return self.sign(claims, header)


def pairwise(user: User, client_id: str) -> str:
    """``sub``: another one for the same user in every application."""
    digest = hashlib.sha256(f"{user.tid}/{user.oid}/{client_id}".encode()).digest()
    return encode_base64url(digest)


def client_info(user: User, *, policy: str | None = None) -> str:
    """The account at home, as token answers carry it; in Azure AD B2C one for each user flow."""
    uid = f"{user.oid}-{policy}" if policy else user.oid
    document = json.dumps({"uid": uid, "utid": user.tid}, separators=(",", ":"))
    return encode_base64url(document.encode())


def moment(claims: Mapping[str, object], name: str) -> float:
    """A time claim; 0 where it is missing or no number, as in tokens that are wrong on purpose."""
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


_SIGNATURE_ONLY: jwt.types.Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_sub": False,
    "verify_jti": False,
}


def _names(user: User, version: TokenVersion) -> Claims:
    if version == 1:
        return {"upn": user.upn, "unique_name": user.upn}
    return {"preferred_username": user.upn}


def _unique() -> str:
    return secrets.token_urlsafe(16)


def _nonce_hash(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()


def _with_nonce(token: str, nonce: str) -> str:
    header, rest = token.split(".", 1)
    fields = json.loads(decode_base64url(header))
    document = json.dumps(fields | {"nonce": nonce}, separators=(",", ":")).encode()
    return f"{encode_base64url(document)}.{rest}"
