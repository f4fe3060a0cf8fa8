"""Client assertions that the platform writes to a file: workload identity of Kubernetes.

.NET: SourceType SignedAssertionFilePath.
"""

from __future__ import annotations

from pathlib import Path

from msidweb.clock import Clock
from msidweb.configuration import CredentialDescription
from msidweb.errors import Problem

from . import files
from .kept import KeptAssertions
from .proof import AssertionRequest, ClientProof, CredentialUnavailableError, ProofKind
from .slow_source import SlowSource
from .surroundings import Surroundings


class SignedAssertionFile:
    """The assertion in a file, sent as it is, and read anew ahead of its end.

    Args:
        path: The file.
        clock: Tells when the assertion is too old.
    """

    def __init__(self, path: str | Path, *, clock: Clock) -> None:
        self.source = f"SignedAssertionFilePath {path}"
        self._path = Path(path)
        self._clock = clock
        self._kept = KeptAssertions(clock)
        self._file: SlowSource[str] = SlowSource(clock)

    def __repr__(self) -> str:
        return f"SignedAssertionFile({str(self._path)!r})"

    async def proof(self, request: AssertionRequest) -> ClientProof:  # noqa: ARG002 - the seam's
        """The assertion; it is the same for every endpoint.

        Raises:
            CredentialUnavailableError: The file cannot be read, or holds none.
        """
        assertion = await self._kept.get(self._path, self._fresh)
        return ClientProof(ProofKind.ASSERTION, assertion)

    async def renew(self, refused: ClientProof) -> bool:
        """Read the file anew; False where it holds what was refused, or cannot be read."""
        try:
            fresh = await self._fresh()
        except CredentialUnavailableError:
            return False
        if fresh == refused.value:
            return False
        self._kept = KeptAssertions(self._clock)
        return True

    async def _fresh(self) -> str:
        try:
            return await self._file.ask("read", self._read, deadline=files.DEADLINE)
        except TimeoutError:
            reason = "the file system did not answer in time"
            raise CredentialUnavailableError(reason) from None

    def _read(self) -> str:
        try:
            text = files.read_file(self._path).decode("ascii").strip()
        except UnicodeDecodeError:
            text = ""
        if text.count(".") != _DOTS or not text.isprintable():
            raise CredentialUnavailableError("the file holds no signed assertion")
        return text


_DOTS = 2


def load_assertion_file(
    description: CredentialDescription, surroundings: Surroundings, *, place: str
) -> SignedAssertionFile | Problem:
    """The assertion in the file that *description* names."""
    path = description.signed_assertion_file_disk_path
    if path is None:
        hint = "the platform gives it in AZURE_FEDERATED_TOKEN_FILE; is workload identity set up?"
        return Problem(f"{place}:SignedAssertionFileDiskPath", "is missing", hint)
    return SignedAssertionFile(path, clock=surroundings.clock)
