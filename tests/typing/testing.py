"""What type checkers must infer in a service's own tests; checked, never run."""

from typing import assert_type

from msidweb import IdentityBuilder, Principal
from msidweb.testing import (
    App,
    DownstreamEcho,
    EntraEmulator,
    ManualClock,
    Sample,
    User,
    sample_tenant,
    serve_tls,
)


def a_tenant() -> None:
    clock = ManualClock()
    entra = EntraEmulator(clock=clock)
    alice, api = entra.add_user("alice"), entra.add_app("api", scopes=["access_as_user"])
    assert_type(alice, User)
    assert_type(api, App)
    assert_type(entra.user_token(alice, resource=api), str)
    assert_type(entra.app_token(client=api, resource=api), str)
    assert_type(entra.principal(alice, resource=api), Principal)
    assert_type(sample_tenant(entra), Sample)
    clock.advance(60)
    with serve_tls(entra) as server:
        assert_type(server.base_url, str)
    IdentityBuilder().override(clock=clock)


def mistakes(entra: EntraEmulator, echo: DownstreamEcho) -> None:
    entra.user_token("alice", resource=echo)  # type: ignore[arg-type]
    entra.add_app("api", roles=1)  # type: ignore[arg-type]
    entra.add_app("api", scope=["access_as_user"])  # type: ignore[call-arg]
    ManualClock().advance("60")  # type: ignore[arg-type]
