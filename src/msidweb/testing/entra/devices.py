"""Device codes (RFC 8628): a device waits while its user signs in elsewhere."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from msidweb.clock import Clock

from .authorization import Wish
from .directory import App
from .errors import RefusalError
from .metadata import Address
from .refresh import SignedIn
from .tokens import Lifetimes

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"

_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"
_USER_CODE_LENGTH = 9
_SLOWER = 5


@dataclass(eq=False, slots=True)
class WaitingDevice:
    """A device that waits.

    Attributes:
        wish: What it asked for.
        started_at: When it began to wait.
        interval: How long it shall wait between two polls.
        polled_at: When it asked last.
        signed_in: The user, once there is one.
        declined: Whether the user said no.
        used: Whether it has its tokens.
    """

    wish: Wish
    started_at: float
    interval: float
    polled_at: float | None = None
    signed_in: SignedIn | None = None
    declined: bool = False
    used: bool = False


class Devices:
    """The devices that wait."""

    def __init__(self, address: Address, lifetimes: Lifetimes, *, clock: Clock) -> None:
        self._address = address
        self._lifetimes = lifetimes
        self._clock = clock
        self._by_device_code: dict[str, WaitingDevice] = {}
        self._by_user_code: dict[str, WaitingDevice] = {}

    def start(self, wish: Wish) -> dict[str, object]:
        """Let a device wait; the body of its answer."""
        device_code = f"D{secrets.token_urlsafe(48)}"
        user_code = "".join(secrets.choice(_ALPHABET) for _ in range(_USER_CODE_LENGTH))
        device = WaitingDevice(wish, self._clock.time(), self._lifetimes.device_interval)
        self._by_device_code[device_code] = self._by_user_code[user_code] = device
        address = f"{self._address.base_url}/devicelogin"
        return {
            "user_code": user_code,
            "device_code": device_code,
            "verification_uri": address,
            "expires_in": int(self._lifetimes.device_code),
            "interval": int(device.interval),
            "message": (
                f"To sign in, use a web browser to open the page {address} and enter the code "
                f"{user_code} to authenticate."
            ),
        }

    def find(self, device_code: str) -> WaitingDevice | None:
        """The device of a device code, whatever became of it."""
        return self._by_device_code.get(device_code)

    def entered(self, user_code: str) -> WaitingDevice | None:
        """The device whose code a user typed, if it still waits."""
        device = self._by_user_code.get("".join(user_code.split()).replace("-", "").upper())
        if device is None or device.signed_in or device.declined or self._ended(device):
            return None
        return device

    def redeem(self, device_code: str, client: App, *, tenant_id: str) -> SignedIn:
        """The user who signed in for the device; raises the refusal, once while it must wait."""
        device = self._by_device_code.get(device_code)
        if device is None or device.wish.client is not client or device.used:
            raise RefusalError(70018)
        if device.declined:
            raise RefusalError(65004, error="authorization_declined")
        if self._ended(device):
            raise RefusalError(70019)
        if device.signed_in is None:
            raise self._not_yet(device)
        if device.signed_in.subject.tenant_id != tenant_id:
            raise RefusalError(700005)
        device.used = True
        return device.signed_in

    def _ended(self, device: WaitingDevice) -> bool:
        return self._clock.time() >= device.started_at + self._lifetimes.device_code

    def _not_yet(self, device: WaitingDevice) -> RefusalError:
        now, last = self._clock.time(), device.polled_at
        device.polled_at = now
        if last is not None and now < last + device.interval:
            device.interval += _SLOWER
            return RefusalError(70016, "The device polls too often.", error="slow_down")
        return RefusalError(70016)
