import pytest

from msidweb.configuration import Configuration


@pytest.fixture
def configured(tmp_path):
    """A configuration of the files and variables that a test gives, and of nothing else."""

    def load(settings="{}", *, overlay=None, environ=None, environment=None):
        (tmp_path / "appsettings.json").write_text(settings, encoding="utf-8")
        if overlay is not None:
            name = f"appsettings.{environment or 'Production'}.json"
            (tmp_path / name).write_text(overlay, encoding="utf-8")
        return Configuration.load(
            environ=environ or {}, environment=environment, search_from=tmp_path
        )

    return load
