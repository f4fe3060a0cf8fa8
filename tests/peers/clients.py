"""Unmodified clients of other languages and libraries, each in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.installing import NPM_CI, installed_by

HERE = Path(__file__).parent
_PATIENCE = 120


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
    folder = installed_by(NPM_CI, [HERE / "node" / name for name in names], cache)
    return Client(["node", str(folder / "peer.mjs")], {"NODE_EXTRA_CA_CERTS": ca_file})


def graph_sdk_client(cache: Path, ca_file: str) -> Client:
    """``python/graph_me.py`` with Microsoft's Graph SDK, installed once into a folder."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command = [
        *pip,
        *("--no-deps", "--no-compile", "--only-binary=:all:", "--require-hashes"),
        *("--target", ".", "-r", "requirements.txt"),
    ]
    folder = installed_by(command, [HERE / "python" / "requirements.txt"], cache)
    environ = {
        "PYTHONPATH": str(folder),
        "SSL_CERT_FILE": ca_file,
        "REQUESTS_CA_BUNDLE": ca_file,
    }
    return Client([sys.executable, str(HERE / "python" / "graph_me.py")], environ)
