"""Where in a body something stands, told without what the body holds."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}|[0-9]{1,6}")


def path_of(steps: Iterable[object]) -> str:
    """``items.0.price``; a step that is no plain name may be somebody's data and is an ``…``."""
    return ".".join(step if _PLAIN.fullmatch(step) else "…" for step in map(str, steps))
