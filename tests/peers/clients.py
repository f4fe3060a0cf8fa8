"""Unmodified clients of other languages and libraries, each in a process of its own."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers.netpeer import made_once

HERE = Path(__file__).parent
_PATIENCE = 120

# As the machine has it: a registry may lie behind a proxy, which the tests do without.
_ENVIRON = dict(os.environ)


@dataclass(frozen=True)
class Client:
    """A program that reads a JSON request and writes a JSON answer."""

    command: Sequence[str]
    environ: Mapping[str, str]

    def ask(self, **request: object) -> dict[str, object]:
        """What it answers."""
        done = subprocess.run(
            self.command,
            input=json.dumps(request),
            env={"PATH": os.environ["PATH"], **self.environ},
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def node_client(cache: Path, ca_file: str) -> Client:
    """``node/peer.mjs`` with the packages of its lock file, installed once."""
    # The script lies beside its packages: Node looks for them there, not where it is started.
    names = ("package.json", "package-lock.json", ".npmrc", "peer.mjs")
    folder = _installed(
        cache, [HERE / "node" / name for name in names], ["npm", "ci", "--ignore-scripts"]
    )
    return Client(["node", str(folder / "peer.mjs")], {"NODE_EXTRA_CA_CERTS": ca_file})


def graph_sdk_client(cache: Path, ca_file: str) -> Client:
    """``python/graph_me.py`` with Microsoft's Graph SDK, installed once into a folder."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    folder = _installed(
        cache,
        [HERE / "python" / "requirements.txt"],
        [
            *pip,
            *("--no-deps", "--no-compile", "--only-binary=:all:", "--require-hashes"),
            *("--target", ".", "-r", "requirements.txt"),
        ],
    )
    environ = {
        "PYTHONPATH": str(folder),
        "SSL_CERT_FILE": ca_file,
        "REQUESTS_CA_BUNDLE": ca_file,
    }
    return Client([sys.executable, str(HERE / "python" / "graph_me.py")], environ)


def _installed(cache: Path, given: Sequence[Path], command: Sequence[str]) -> Path:
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
