"""Packages of others for the tests, installed once into a folder of pytest's cache."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

# As the machine has it: a registry may lie behind a proxy, which the tests do without.
_ENVIRON = dict(os.environ)

NPM_CI = ("npm", "ci", "--ignore-scripts")
"""Installs what a lock file names."""


def installed_by(command: Sequence[str], given: Sequence[Path], cache: Path) -> Path:
    """The folder where *command* ran beside copies of the *given* files; another one for others."""
    content = b"".join(path.read_bytes() for path in given)
    target = cache / hashlib.sha256(content).hexdigest()[:16]
    with made_once(target) as folder:
        if folder is not None:
            for path in given:
                shutil.copy(path, folder)
            done = subprocess.run(
                command, cwd=folder, env=_ENVIRON, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
    return target


@contextlib.contextmanager
def made_once(folder: Path) -> Iterator[Path | None]:
    """The folder to fill under the name of *folder*; None where that was done already.

    Test processes side by side wait for each other, and half a folder is never taken for one.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            yield None
            return
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            filled = Path(unfinished) / "filled"
            filled.mkdir()
            yield filled
            filled.rename(folder)
