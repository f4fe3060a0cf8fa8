"""A token endpoint over TLS, in a process of its own so that its work is nobody's on this side.

Reads from standard input: the file of its certificate and key, seconds of latency, the answer.
Prints its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import trustme

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Served:
    """Where it is."""

    base_url: str
    ca_file: str


@contextlib.asynccontextmanager
async def authority_process(answer: bytes, *, latency: float) -> AsyncIterator[Served]:
    """The process, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        ca, own, roots = trustme.CA(), Path(folder) / "own.pem", Path(folder) / "ca.pem"
        ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(own)
        ca.cert_pem.write_to_path(roots)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        settings = {"certificate": str(own), "latency": latency, "answer": answer.decode()}
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        await process.stdin.drain()
        port = int(await process.stdout.readline())
        try:
            yield Served(f"https://localhost:{port}", str(roots))
        finally:
            process.terminate()
            await process.wait()


async def _serve(certificate: str, latency: float, answer: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                await reader.readexactly(int(length.group(1)) if length else 0)
                if head.startswith(b"POST"):
                    await asyncio.sleep(latency)
                    writer.write(_message(answer))
                else:
                    writer.write(_message(_metadata(head)))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _metadata(head: bytes) -> str:
    path = head.split(b" ", 2)[1].decode()
    host = re.search(r"host: *(\S+)", head.decode("latin-1"), re.IGNORECASE)
    assert host is not None
    tenant = f"https://{host.group(1)}/{path.split('/')[1]}"
    return json.dumps(
        {
            "issuer": f"{tenant}/v2.0",
            "token_endpoint": f"{tenant}/oauth2/v2.0/token",
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
        }
    )


def _message(body: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(**json.loads(sys.stdin.readline())))
