"""A small tenant, ready to use: an API, what it calls, who calls it."""

from __future__ import annotations

from dataclasses import dataclass

from msidweb.kinds import check_kind
from msidweb.testing._arguments import checks_arguments

from .directory import App, User
from .emulator import EntraEmulator


@checks_arguments()
@dataclass(frozen=True, slots=True)
class Sample:
    """The members of the sample tenant.

    Attributes:
        api: The web API under test, ``access_as_user``.
        partner: An API that it calls on behalf of its users, ``read`` and ``write``.
        spa: The public client that users sign in with: a single-page app on localhost, any port,
            at ``/`` and at FastAPI's ``/docs/oauth2-redirect``.
        web: A web app on localhost, at ``/`` and ``/signin-oidc``; users are asked to consent.
        daemon: A client without users; has the API's role ``Orders.Read.All``.
        alice: A user who consented to everything.
        bob: A user like her.
    """

    api: App
    partner: App
    spa: App
    web: App
    daemon: App
    alice: User
    bob: User


def sample_tenant(entra: EntraEmulator) -> Sample:
    """Fill the emulator's first tenant with the sample."""
    check_kind("entra", entra, EntraEmulator)
    docs = "/docs/oauth2-redirect"
    spa = entra.add_app("spa", public=True, redirect_uris={"spa": _at_home("/", docs)})
    web = entra.add_app("web", redirect_uris={"web": _at_home("/", "/signin-oidc")})
    partner = entra.add_app("partner-api", scopes=["read", "write"], roles=["Partner.Read.All"])
    api = entra.add_app("orders-api", scopes=["access_as_user"], roles=["Orders.Read.All"])
    daemon = entra.add_app("daemon")
    entra.consent(client=spa, resource=api)
    entra.consent(client=api, resource=partner)
    entra.consent(client=api, resource=entra.graph, scopes=["User.Read"])
    entra.assign(client=daemon, resource=api, roles=["Orders.Read.All"])
    entra.assign(client=api, resource=partner, roles=["Partner.Read.All"])
    alice, bob = entra.add_user("alice"), entra.add_user("bob")
    return Sample(api, partner, spa, web, daemon, alice, bob)


def _at_home(*paths: str) -> list[str]:
    return [f"{scheme}://localhost{path}" for scheme in ("http", "https") for path in paths]
