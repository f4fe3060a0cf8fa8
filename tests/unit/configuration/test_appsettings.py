import pytest

from msidweb.configuration import Configuration


def test_the_working_directory_comes_first(tmp_path, monkeypatch):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "appsettings.json").write_text('{"A": {"B": "outer"}}')
    (inner / "appsettings.json").write_text('{"A": {"B": "inner"}}')
    monkeypatch.chdir(inner)
    configuration = Configuration.load(environ={})
    assert configuration.value("A:B") == "inner"
    assert [path.name for path in configuration.files] == ["appsettings.json"]


def test_else_the_nearest_parent_with_a_pyproject_and_no_further(tmp_path):
    project = tmp_path / "project"
    deep = project / "src" / "deep"
    deep.mkdir(parents=True)
    (project / "src" / "appsettings.json").write_text('{"A": {"B": "src"}}')
    (tmp_path / "appsettings.json").write_text('{"A": {"B": "outside"}}')
    assert Configuration.load(environ={}, search_from=deep).files == ()
    (project / "pyproject.toml").touch()
    assert Configuration.load(environ={}, search_from=deep).files == ()
    (project / "appsettings.json").write_text('{"A": {"B": "project"}}')
    assert Configuration.load(environ={}, search_from=deep).value("A:B") == "project"


def test_missing_is_no_problem_unless_it_was_named(tmp_path):
    assert Configuration.load(environ={}, search_from=tmp_path).problems == ()
    named = tmp_path / "mine.json"
    by_argument = Configuration.load(named, environ={})
    by_variable = Configuration.load(environ={"MSIDWEB_APPSETTINGS": str(named)})
    for configuration in (by_argument, by_variable):
        (problem,) = configuration.problems
        assert str(problem) == f"{named}: does not exist"


def test_a_named_file_has_its_own_overlay(tmp_path):
    (tmp_path / "mine.json").write_text('{"A": {"B": "base", "C": "base"}}')
    (tmp_path / "mine.Test.json").write_text('{"A": {"B": "overlay"}}')
    configuration = Configuration.load(
        environ={"MSIDWEB_APPSETTINGS": str(tmp_path / "mine.json"), "DOTNET_ENVIRONMENT": "Test"}
    )
    assert configuration.value("A") == {"B": "overlay", "C": "base"}
    assert configuration.environment == "Test"


def test_a_named_directory_holds_the_file(tmp_path):
    (tmp_path / "appsettings.json").write_text('{"A": {"B": "x"}}')
    assert Configuration.load(str(tmp_path), environ={}).value("A:B") == "x"


def test_the_overlay_alone_is_enough(tmp_path):
    (tmp_path / "appsettings.Production.json").write_text('{"A": {"B": "x"}}')
    assert Configuration.load(environ={}, search_from=tmp_path).value("A:B") == "x"


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "Production"),
        ({"DOTNET_ENVIRONMENT": "D"}, "D"),
        ({"DOTNET_ENVIRONMENT": "D", "ASPNETCORE_ENVIRONMENT": "A"}, "A"),
        ({"ASPNETCORE_ENVIRONMENT": "A", "MSIDWEB_ENVIRONMENT": "M"}, "M"),
        ({"ASPNETCORE_ENVIRONMENT": "A", "MSIDWEB_ENVIRONMENT": " "}, "A"),
    ],
)
def test_the_environment_is_named_by_the_first_variable(environ, name):
    assert Configuration.of_environment(environ=environ).environment == name


@pytest.mark.parametrize("name", ["../x", "a\\b", "a\0"])
def test_an_environment_that_is_no_part_of_a_file_name_is_a_problem(name, tmp_path):
    configuration = Configuration.load(environ={}, environment=name, search_from=tmp_path)
    assert [str(p) for p in configuration.problems] == [
        "environment name: is no part of a file name"
    ]


def test_keys_given_twice_are_problems_whatever_their_case(configured):
    configuration = configured(
        """{
          "AzureAd": {"ClientId": "a", "clientid": "b", "L": [{"x": 1, "x": 2}]},
          "azuread": {}
        }"""
    )
    assert [str(problem) for problem in configuration.problems] == [
        (
            "appsettings.json: AzureAd:clientid: is given twice"
            " (also as ClientId; the case of keys does not count)"
        ),
        "appsettings.json: AzureAd:L:0:x: is given twice",
        (
            "appsettings.json: azuread: is given twice"
            " (also as AzureAd; the case of keys does not count)"
        ),
    ]


def test_a_file_is_64_keys_deep_at_most(configured):
    assert configured('{"a":' * 64 + "{}" + "}" * 64).problems == ()
    (problem,) = configured('{"a":' * 65 + "{}" + "}" * 65).problems
    assert str(problem) == "appsettings.json: a: is deeper than 64 keys"


def test_a_broken_overlay_leaves_the_base_and_is_a_problem(configured):
    configuration = configured('{"A": {"B": "x"}}', overlay='{"A" "canary"}')
    (problem,) = configuration.problems
    assert problem.place == "appsettings.Production.json: line 1, column 6"
    assert "canary" not in str(problem)
    assert configuration.value("A:B") == "x"


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path, monkeypatch):
    path = tmp_path / "appsettings.json"
    path.write_text("{}")

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", refuse)
    (problem,) = Configuration.load(path, environ={}).problems
    assert str(problem) == f"{path}: cannot be read (Permission denied)"
