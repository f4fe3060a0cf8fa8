import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msidweb.configuration import Configuration


def test_layers_override_each_other_key_by_key(configured):
    configuration = configured(
        '{"A": {"One": "file", "Two": "file", "Three": "file"}}',
        overlay='{"a": {"TWO": "overlay", "three": "overlay"}}',
        environ={"A__Three": "variable"},
    )
    assert configuration.value("A") == {"One": "file", "Two": "overlay", "Three": "variable"}
    assert configuration.origin("A:One") == "appsettings.json: A:One"
    assert configuration.origin("A:Two") == "appsettings.Production.json: a:TWO"
    assert configuration.origin("A:Three") == "environment variable A__Three"
    assert configuration.origin("A:Four") is None


def test_lists_merge_index_by_index_as_in_dotnet(configured):
    configuration = configured(
        '{"A": {"L": ["a", "b", "c"], "C": [{"X": "1", "Y": "2"}]}}',
        overlay='{"A": {"L": ["z"]}}',
        environ={"A__L__2": "y", "A__L__10": "k", "A__L__3": "j", "A__C__0__Y": "3"},
    )
    assert configuration.value("A:L") == ["z", "b", "y", "j", "k"]
    assert configuration.value("A:C") == [{"X": "1", "Y": "3"}]
    assert configuration.value("A:C:0:Y") == "3"


@pytest.mark.parametrize("nothing", ["null", "[]", "{}", '""'])
def test_an_overlay_cannot_empty_a_list_as_in_dotnet(configured, nothing):
    configuration = configured('{"A": {"L": ["a"]}}', overlay=f'{{"A": {{"L": {nothing}}}}}')
    assert configuration.value("A:L") == ["a"]


def test_a_text_of_a_higher_layer_replaces_a_list_and_a_list_a_text(configured):
    configuration = configured(
        '{"A": {"L": ["a", "b"], "T": "t"}}', environ={"A__L": "x", "A__T__0": "u"}
    )
    assert configuration.value("A:L") == "x"
    assert configuration.value("A:T") == ["u"]


def test_values_are_text_as_in_dotnet(configured):
    configuration = configured('{"A": {"N": 1.50, "T": true, "Z": null, "E": [], "X:Y": "deep"}}')
    assert configuration.value("A") == {
        "N": "1.50",
        "T": "True",
        "Z": None,
        "E": [],
        "X": {"Y": "deep"},
    }


def test_underscores_and_case_do_not_count_in_section_names(configured):
    configuration = configured(
        '{"AzureAd": {"ClientId": "a"}}', environ={"AZURE_AD__TENANTID": "t"}
    )
    section = configuration.section("azure_ad")
    assert section.value("client_id") == "a"
    assert section.value("tenant_id") == "t"
    assert section.origin("TenantId") == "environment variable AZURE_AD__TENANTID"


def test_a_section_knows_its_path_name_and_children(configured):
    configuration = configured('{"DownstreamApis": {"GraphAPI": {"BaseUrl": "x"}, "B": {}}}')
    section = configuration.section("downstreamapis")
    assert [child.path for child in section.children] == [
        "DownstreamApis:GraphAPI",
        "DownstreamApis:B",
    ]
    assert section.children[0].name == "GraphAPI"
    assert section
    assert not configuration.section("Missing:Deeper")
    assert configuration.section("Missing").value() is None
    assert configuration.section("DownstreamApis:GraphAPI").value() == {"BaseUrl": "x"}


def test_repr_shows_names_and_no_value(configured):
    configuration = configured('{"AzureAd": {"ClientSecret": "canary"}}')
    section = configuration.section("AzureAd")
    shown = repr(configuration) + repr(section) + repr(list(section.node.leaves()))
    assert "canary" not in shown
    assert "appsettings.json" in repr(configuration)


KEYS = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=5)
TREES = st.recursive(
    st.text(max_size=6),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=12),
        st.dictionaries(KEYS, inner, min_size=1, max_size=4),
    ),
    max_leaves=15,
).filter(lambda tree: isinstance(tree, dict) and _unique(tree))


def _unique(tree):
    if isinstance(tree, list):
        return all(map(_unique, tree))
    if not isinstance(tree, dict):
        return True
    return len({key.casefold() for key in tree}) == len(tree) and all(map(_unique, tree.values()))


def flat(tree, path=("Root",)):
    if isinstance(tree, str):
        yield "__".join(path), tree
        return
    for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield from flat(item, (*path, str(key)))


@settings(deadline=None)
@given(tree=TREES, data=st.data())
def test_variables_say_what_the_file_would_say_in_any_order(tree, data):
    variables = dict(data.draw(st.permutations(list(flat(tree)))))
    assert Configuration.of_environment(environ=variables).value("Root") == tree


@settings(deadline=None)
@given(tree=TREES)
def test_a_file_reads_as_the_json_it_is(tree, tmp_path_factory):
    path = tmp_path_factory.mktemp("settings") / "mine.json"
    path.write_text(json.dumps({"Root": tree}), encoding="utf-8")
    assert Configuration.load(path, environ={}).value("Root") == tree
