"""The plugin gives its fixtures, and is not noticed where nobody asks for one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import _msidweb_pytest

pytest_plugins = ["pytester"]

SRC = Path(_msidweb_pytest.__file__).parent
PLUGIN = ("-p", "_msidweb_pytest")


@pytest.fixture
def suite(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(SRC))
    return pytester


def test_the_plugin_imports_nothing_of_the_package():
    code = (
        "import sys, _msidweb_pytest; "
        "print([name for name in sys.modules if name.split('.')[0] in ('msidweb', 'httpx')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )

    assert run.stdout.strip() == "[]"


def test_a_suite_that_asks_for_nothing_imports_nothing(suite):
    suite.makepyfile("""
        import sys

        def test_it():
            assert "msidweb" not in sys.modules
    """)

    suite.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1)


def test_the_fixtures_are_listed_with_what_they_are(suite):
    listed = suite.runpytest_inprocess(*PLUGIN, "--fixtures")

    listed.stdout.fnmatch_lines(["entra -- *", "*An Entra ID with the sample tenant*"])
    listed.stdout.fnmatch_lines(["entra_environ -- *", "*serves it over TLS*"])


def test_each_test_has_an_entra_id_of_its_own(suite):
    suite.makepyfile("""
        def test_one(entra):
            entra.add_user("ada")
            entra.clock.advance(5)

        def test_other(entra):
            entra.add_user("ada")
    """)

    suite.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=2)


def test_a_fixture_of_the_same_name_wins(suite):
    suite.makepyfile("""
        import pytest

        @pytest.fixture
        def entra():
            return "mine"

        def test_it(entra):
            assert entra == "mine"
    """)

    suite.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_pytest_asyncio_gets_the_same_fixtures(suite, mode):
    suite.makepyfile("""
        import asyncio, pytest

        pytestmark = pytest.mark.asyncio

        async def test_it(entra):
            await asyncio.sleep(0)
            assert entra.headers("alice")["Authorization"].startswith("Bearer ")
    """)
    suite.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
        f"asyncio_mode = {mode}\n"
    )

    suite.runpytest_subprocess(*PLUGIN, "-p", "pytest_asyncio.plugin").assert_outcomes(passed=1)


def test_the_setting_gives_modules_an_environment_when_they_are_imported(suite):
    suite.makeini("[pytest]\nentra_environ = true\n")
    suite.makepyfile("""
        from msidweb import IdentityBuilder

        identity = IdentityBuilder.from_appsettings().add_microsoft_identity_web_api().build()

        def test_it(entra):
            assert identity.options.web_api.client_id == entra.sample.api.client_id
    """)

    suite.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)
    assert "AzureAd__ClientId" not in os.environ


def test_a_process_finds_the_emulator_by_its_environment(suite):
    suite.makepyfile(
        service="""
        import asyncio, sys
        from msidweb import IdentityBuilder

        async def main():
            identity = IdentityBuilder.from_appsettings().add_microsoft_identity_web_api().build()
            async with identity:
                print((await identity.token_validator.validate(sys.argv[1])).object_id)

        asyncio.run(main())
        """,
        test_it="""
        import os, subprocess, sys

        def test_it(entra, entra_environ):
            run = subprocess.run(
                [sys.executable, "service.py", entra.token("alice")],
                env={**os.environ, **entra_environ}, capture_output=True, text=True,
            )
            assert run.stdout.strip() == entra.sample.alice.oid, run.stderr
        """,
    )

    suite.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1)


def test_coverage_counts_the_package_from_its_first_line(suite):
    suite.makepyfile("""
        def test_it(entra):
            pass
    """)
    options = ("-p", "pytest_cov.plugin", "--cov=msidweb", "--cov-report=term-missing")

    run = suite.runpytest_subprocess(*PLUGIN, *options)

    run.assert_outcomes(passed=1)
    [module] = [line for line in run.outlines if "testing/redirection.py" in line]
    missed = module.rpartition("%")[2]
    # Its functions wait for a service to redirect; all that stands outside of them ran.
    assert int(missed.split("-")[0].split(",")[0]) > 40
