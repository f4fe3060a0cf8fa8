"""Software of others that tests run against, and which of it is here.

Tests that carry a peer's mark are deselected where it is absent; the run's last lines say so.
"""

import importlib.util
import os
import shutil
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Peer:
    """A peer by its mark."""

    mark: str
    name: str
    remedy: str
    present: bool


def peers() -> tuple[Peer, ...]:
    """All of them."""
    return (
        Peer(
            "netpeer",
            "the real .NET peer",
            "set MSIDWEB_NETPEER",
            present=bool(os.environ.get("MSIDWEB_NETPEER")),
        ),
        Peer(
            "pyright",
            "the type checker pyright",
            "install Node 20 or later with npm",
            present=all(shutil.which(name) for name in ("node", "npm")),
        ),
        Peer(
            "node",
            "Microsoft's clients for Node",
            "install Node 20 or later with npm",
            present=all(shutil.which(name) for name in ("node", "npm")),
        ),
        Peer(
            "browser",
            "a real browser",
            "install chromium, and Node 20 or later with npm",
            present=all(shutil.which(name) for name in ("chromium", "node", "npm")),
        ),
        Peer(
            "graph_sdk",
            "Microsoft's Graph SDK for Python",
            "install pip into this environment",
            present=importlib.util.find_spec("pip") is not None,
        ),
    )


class LeavesOutAbsentPeers:
    """A pytest plugin."""

    def __init__(self) -> None:
        self._absent = {peer.mark: peer for peer in peers() if not peer.present}
        self._left_out = dict.fromkeys(self._absent, 0)

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect what has no peer."""
        left_out = [item for item in items if self._peer(item)]
        for item in left_out:
            self._left_out[self._peer(item)] += 1
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line for each peer whose tests were left out; workers do not tell how many."""
        by_workers = terminalreporter.config.pluginmanager.hasplugin("dsession")
        for mark, peer in self._absent.items():
            count = self._left_out[mark] or (by_workers and "its")
            if count:
                terminalreporter.write_line(
                    f"{peer.name}: not here, {count} tests left out; {peer.remedy}"
                )

    def _peer(self, item: pytest.Item) -> str:
        return next((mark for mark in self._absent if item.get_closest_marker(mark)), "")
