"""What a test of an API needs: an Entra ID of its own, users, tokens, a clock."""

from .clock import ManualClock
from .downstream import DownstreamEcho
from .entra import (
    App,
    EntraEmulator,
    Fault,
    FederatedIssuer,
    Sample,
    SigningKey,
    Tenant,
    User,
    Wire,
    WireRequest,
    sample_tenant,
)
from .sandbox import EntraSandbox
from .server import LocalServer, serve_tls
from .settings import environment_of
from .stand_in import StandInApi

__all__ = [
    "App",
    "DownstreamEcho",
    "EntraEmulator",
    "EntraSandbox",
    "Fault",
    "FederatedIssuer",
    "LocalServer",
    "ManualClock",
    "Sample",
    "SigningKey",
    "StandInApi",
    "Tenant",
    "User",
    "Wire",
    "WireRequest",
    "environment_of",
    "sample_tenant",
    "serve_tls",
]
