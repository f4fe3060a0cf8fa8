"""An Entra ID for tests: real keys, real tokens, real HTTP shapes, no network."""

from .directory import App, Tenant, User
from .emulator import EntraEmulator
from .faults import Fault
from .federation import FederatedIssuer
from .keys import SigningKey
from .sample import Sample, sample_tenant
from .wire import Wire, WireRequest

__all__ = [
    "App",
    "EntraEmulator",
    "Fault",
    "FederatedIssuer",
    "Sample",
    "SigningKey",
    "Tenant",
    "User",
    "Wire",
    "WireRequest",
    "sample_tenant",
]
