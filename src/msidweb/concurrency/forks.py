"""What a forked child does not take over from its parent."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """Holds what belongs to the process that made it: tasks, connections, locks."""

    def forget_parent(self) -> None:
        """Go on without them, in a child; they must be neither used nor closed there."""


_aware: WeakSet[ForkAware] = WeakSet()
_parents: list[object] = []


def forget_in_children(owner: ForkAware) -> None:
    """Let *owner* forget its parent in every child that this process forks (security.md 3.29)."""
    _aware.add(owner)


def leave_to_parent(*belongings: object) -> None:
    """Keep *belongings* for as long as the process lives, unused.

    Dropped, a connection would say good-bye in the parent's name, and a task complain.
    """
    _parents.extend(belongings)


def _in_child() -> None:
    for owner in tuple(_aware):
        owner.forget_parent()


if hasattr(os, "register_at_fork"):  # Windows forks nothing.
    os.register_at_fork(after_in_child=_in_child)
