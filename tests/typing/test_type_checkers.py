"""The programs of this folder, judged as their users would: by mypy and pyright, both strict.

What a program must not write carries ``# type: ignore[…]``; a comment that is not needed is an
error of both checkers, so each mistake is proven to be found.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.installing import NPM_CI, installed_by

HERE = Path(__file__).parent
PROGRAMS = sorted(path for path in HERE.glob("*.py") if not path.name.startswith("test_"))


def checked(*command: str, **environ: str) -> str:
    """What a checker prints when it finds nothing."""
    done = subprocess.run(
        command,
        cwd=HERE,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mypy_finds_what_is_marked_and_nothing_else(pytestconfig):
    # Without our settings: neither the plugin of pydantic nor any exception is needed.
    cache = pytestconfig.cache.mkdir("mypy")
    strict = ("--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={cache}")
    source = str(HERE.parents[1] / "src")

    told = checked(sys.executable, "-m", "mypy", *strict, *map(str, PROGRAMS), MYPYPATH=source)

    assert f"no issues found in {len(PROGRAMS)} source files" in told


@pytest.mark.pyright
def test_pyright_finds_what_is_marked_and_nothing_else(pytestconfig):
    given = [HERE / "node" / name for name in ("package.json", "package-lock.json", ".npmrc")]
    folder = installed_by(NPM_CI, given, pytestconfig.cache.mkdir("pyright"))
    program = str(folder / "node_modules" / "pyright" / "index.js")

    told = checked("node", program, "--project", ".", "--pythonpath", sys.executable, "--stats")

    assert "0 errors, 0 warnings" in told
    assert f"Total files checked: {len(PROGRAMS)}" in " ".join(told.split())
