"""What a token's claims must say (security.md 1.3, C0-C5, K4, P1-P5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, cast

from msidweb.authority import ANY_TENANT, PERSONAL_TENANT, KeySet, SigningKey
from msidweb.encoding import GUID
from msidweb.errors import ExpiredTokenError, InvalidClaimError, MetadataUnavailableError
from msidweb.principal import Principal

from .policy import ValidationPolicy

_TEXTS = ("iss", "sub", "tid", "oid", "azp", "appid", "ver", "idtyp", "scp")
_SECURITY_CLAIMS = frozenset({*_TEXTS, "aud", "exp", "nbf", "iat", "roles", "cnf"})
_YEAR_10000 = 253_402_300_800
_NUMBER = (int, float)


def judge(
    claims: dict[str, object],
    *,
    policy: ValidationPolicy,
    key: SigningKey,
    key_set: KeySet,
    now: float,
) -> Principal:
    """The caller whom the claims of a token name that *key* signed; the assertion is not in it.

    Raises:
        InvalidClaimError: With the code of the rule.
        ExpiredTokenError: C3.
        MetadataUnavailableError: A v1 token came, and the v1 metadata has not come yet.
    """
    texts = _check_types(claims)
    expires_at = _check_time(claims, now, policy.clock_skew)
    _check_audience(claims.get("aud"), policy.audiences_for(texts.get("ver")))
    tenant_id = _check_issuer(texts, policy, key_set)
    _check_key_issuer(key, key_set, texts["iss"], tenant_id)
    scopes, roles, is_app = _check_permissions(claims, texts, policy)
    return Principal(
        claims,
        tenant_id=tenant_id,
        object_id=texts.get("oid"),
        client_id=_client(texts),
        scopes=scopes,
        roles=roles,
        is_app=is_app,
        expires_at=expires_at,
        assertion=None,
        scheme=policy.scheme,
    )


def _refuse(rule: str, message: str) -> NoReturn:
    raise InvalidClaimError(message, rule=rule)


def _check_types(claims: Mapping[str, object]) -> dict[str, str]:
    """C0, C1: one spelling of each claim that counts, and its type."""
    # Nearly always every name is in lower case, and then none is another's other spelling.
    if not "".join(claims).islower():
        others = [name.lower() for name in claims if name not in _SECURITY_CLAIMS]
        if not _SECURITY_CLAIMS.isdisjoint(others):
            _refuse("C0", "A claim comes in another spelling.")
    texts = {name: claims[name] for name in _TEXTS if name in claims}
    for name, value in texts.items():
        if type(value) is not str:
            _refuse("C1", f"The claim {name} is no text.")
    return cast("dict[str, str]", texts)


def _check_time(claims: Mapping[str, object], now: float, skew: float) -> float:
    """C3: numbers in range, one clock, no upper limit on a token's life."""
    if "exp" not in claims:
        _refuse("C3", "The token does not say when it expires.")
    expires_at = _moment(claims, "exp")
    starts_at, issued_at = _moment(claims, "nbf"), _moment(claims, "iat")
    if expires_at is None or now >= expires_at + skew:
        raise ExpiredTokenError("The token expired.", rule="C3")
    if starts_at is not None and starts_at > now + skew:
        _refuse("C3", "The token is not valid yet.")
    if starts_at is not None and starts_at > expires_at:
        _refuse("C3", "The token ends before it begins.")
    if issued_at is not None and issued_at > now + skew:
        _refuse("C3", "The token was issued in the future.")
    return expires_at


def _moment(claims: Mapping[str, object], name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    # bool is an int in Python; a comparison with NaN cannot happen, the JSON has none.
    if isinstance(value, bool) or not isinstance(value, _NUMBER):
        _refuse("C3", f"The claim {name} is no number.")
    if not 0 < value < _YEAR_10000:
        _refuse("C3", f"The claim {name} is out of range.")
    return value


def _check_audience(audience: object, accepted: frozenset[str]) -> None:
    """C2: one exact match, byte for byte."""
    values = [audience] if isinstance(audience, str) else audience
    if not isinstance(values, list) or not values:
        _refuse("C2", "The token names no audience.")
    if not all(isinstance(value, str) for value in values):
        _refuse("C2", "The claim aud holds something else than text.")
    if accepted.isdisjoint(values):
        _refuse("C2", f"The token is for another audience than {' or '.join(sorted(accepted))}.")


def _check_issuer(texts: Mapping[str, str], policy: ValidationPolicy, key_set: KeySet) -> str:
    """C4, C5: an issuer of the authority's documents, in the tenant that ``tid`` names."""
    tenant, issuer, version = texts.get("tid", ""), texts.get("iss", ""), texts.get("ver")
    if not GUID.fullmatch(tenant):
        _refuse("C4", "The claim tid is no tenant id.")
    form = _form(issuer, tenant, key_set)
    listed = form is None and _is_listed(issuer, tenant, policy)
    if listed:
        form = "2.0" if issuer.endswith("/v2.0") else "1.0"
    elif form is None:
        if version == "1.0" and key_set.issuer_v1 is None:
            raise MetadataUnavailableError("The authority's v1 metadata is not known yet.")
        _refuse("C4", "The token is from another issuer.")
    if version != form:
        _refuse("C5", "The claim ver does not fit the issuer.")
    _check_tenant(tenant, policy, None if listed else key_set.tenant)
    return tenant


def _form(issuer: str, tenant: str, key_set: KeySet) -> str | None:
    if issuer == key_set.issuer_v2.replace(ANY_TENANT, tenant):
        return "2.0"
    v1 = key_set.issuer_v1
    return "1.0" if v1 is not None and issuer == v1.replace(ANY_TENANT, tenant) else None


def _is_listed(issuer: str, tenant: str, policy: ValidationPolicy) -> bool:
    """Whether *issuer* is one of ValidIssuers and names the token's own tenant."""
    return tenant in issuer.split("/") and any(
        issuer == listed.replace(ANY_TENANT, tenant) for listed in policy.issuers
    )


def _check_tenant(tenant: str, policy: ValidationPolicy, only: str | None) -> None:
    if only not in (None, tenant):
        _refuse("C4", "The token is from another tenant.")
    configured = policy.authority.tenant.lower()
    if configured == "organizations" and tenant == PERSONAL_TENANT:
        _refuse("C4", "Personal accounts are not accepted.")
    if configured == "consumers" and tenant != PERSONAL_TENANT:
        _refuse("C4", "Personal accounts alone are accepted.")
    if policy.tenants and tenant not in policy.tenants:
        _refuse("C4", "The token's tenant is not allowed.")


def _check_key_issuer(key: SigningKey, key_set: KeySet, issuer: str, tenant: str) -> None:
    """K4: a key that is bound to an issuer signs for that issuer alone."""
    if key.issuer is None:
        return
    bound = key.issuer.replace(ANY_TENANT, tenant)
    if bound not in (key_set.issuer_v2.replace(ANY_TENANT, tenant), issuer):
        _refuse("K4", "The signing key belongs to another issuer.")


def _check_permissions(
    claims: Mapping[str, object], texts: Mapping[str, str], policy: ValidationPolicy
) -> tuple[frozenset[str], frozenset[str], bool]:
    """P1-P5: a bearer token with scopes, or an application's with roles."""
    if "cnf" in claims:
        _refuse("P5", "The token is bound to a key and was sent as a bearer token.")
    scopes = frozenset(filter(str.strip, texts.get("scp", "").split(" ")))
    roles = _roles(claims.get("roles", []))
    kind = texts.get("idtyp")
    if kind == "app" and "scp" in texts:
        _refuse("P3", "An application's token carries scopes.")
    subject = texts.get("sub")
    is_app = not scopes and (
        kind == "app" or (kind is None and subject is not None and subject == texts.get("oid"))
    )
    trusted = _client(texts) in policy.trusted_clients
    if not (scopes or roles or trusted):
        _refuse("P1", "The token carries neither a scope nor a role.")
    if not (scopes or is_app or trusted or policy.user_roles_suffice):
        _refuse("P4", "Roles without a scope count in an application's token alone.")
    return scopes, roles, is_app


def _roles(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
        _refuse("C1", "The claim roles is no list of texts.")
    return frozenset(filter(str.strip, value))


def _client(texts: Mapping[str, str]) -> str | None:
    return texts.get("azp" if texts.get("ver") == "2.0" else "appid")
