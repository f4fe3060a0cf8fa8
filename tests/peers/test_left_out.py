"""A run without a peer leaves its tests out, skips none, and says so."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("tests/peers", "tests/browser")
NO_CACHE = ("-p", "no:cacheprovider")


def test_what_is_not_here_is_deselected_and_told(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *FOLDERS, "--collect-only", "-q", *NO_CACHE],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    told = "the real .NET peer: not here, [0-9]+ tests left out; set MSIDWEB_NETPEER"
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(told, done.stdout)
    assert "Microsoft's clients for Node: not here" in done.stdout
    assert "a real browser: not here" in done.stdout
    assert "test_dotnet" not in done.stdout
    assert "tests/browser" not in done.stdout
