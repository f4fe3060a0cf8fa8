"""Files that hold credentials."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .proof import CredentialUnavailableError

MAX_SIZE = 1024 * 1024
"""Longest file that is read, bytes."""

DEADLINE = 5.0
"""Seconds that a file system may take."""


def read_file(path: Path) -> bytes:
    """What *path* holds; symbolic links are followed, since mounted secrets rotate by them.

    Raises:
        CredentialUnavailableError: It cannot be read, or is too long.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SIZE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise CredentialUnavailableError(f"the file cannot be read: {reason}") from None
    if len(content) > MAX_SIZE:
        raise CredentialUnavailableError("the file is too long")
    return content


def is_exposed(path: Path) -> bool:
    """Whether every user of the machine may read *path* (security rule 3.27)."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
