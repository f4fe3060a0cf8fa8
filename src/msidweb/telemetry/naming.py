"""What names a caller in an event."""

from __future__ import annotations

from typing import TypedDict

from msidweb.principal import Principal


class CallerNames(TypedDict, total=False):
    """The fields of :class:`~msidweb.telemetry.CallerEvent`."""

    tenant_id: str | None
    object_id: str | None
    user_name: str | None


def names_of(caller: Principal | None) -> CallerNames:
    """The fields for *caller*; none for nobody."""
    if caller is None:
        return {}
    return {
        "tenant_id": caller.tenant_id,
        "object_id": caller.object_id,
        "user_name": caller.user_name,
    }
