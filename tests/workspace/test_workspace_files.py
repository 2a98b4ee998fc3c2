"""Workspace files: they load, or one line has the error, its path and a remedy."""

import json
from pathlib import Path
from typing import Any

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import (
    PRESET_NAMES,
    Workspace,
    load_preset_workspace,
    load_workspace_or_preset,
)
from segment_insider_emulator.workspace.documents import MAX_DOCUMENT_BYTES, parse_document
from segment_insider_emulator.workspace.model import fingerprint_document

FIXTURES = Path("fixtures/workspaces")
SOURCE = {"name": "Web shop", "writeKey": "wk_demo"}
SETTINGS = {"account_name": "mybrand", "ucd_key": "secret-of-mine"}
# Each level has ten times what the one above has.
TOO_MANY_MERGES = "\n".join(
    f"{name}: &{name} [{','.join([content] * 10)}]"
    for name, content in zip("abcdef", ["1", "*a", "*b", "*c", "*d", "*e"], strict=True)
)


@pytest.mark.parametrize(
    ("name", "identifiers"),
    [
        ("guide", ("uuid", "email", "phone_number", "segment_anonymous_id")),
        ("segment-defaults", ("uuid", "email", "phone_number")),
    ],
)
def test_presets_describe_the_default_workspace(name: str, identifiers: tuple[str, ...]) -> None:
    workspace = load_preset_workspace(name)
    assert workspace == Workspace(
        source_name="Web shop",
        write_key="wk_demo",
        destination=workspace.document["destination"],
        account_name="mybrand",
        account_key="test-key",
        identifiers=identifiers,
        document=workspace.document,
    )


def test_segment_defaults_has_every_action_once_with_its_default_mapping() -> None:
    workspace = Destination(load_preset_workspace("segment-defaults").destination)
    assert [subscription.action_slug for subscription in workspace.subscriptions] == [
        "updateUserProfile",
        "trackEvent",
        "productListViewedEvent",
        "productViewedEvent",
        "productAddedEvent",
        "productRemovedEvent",
        "userRegisteredEvent",
        "cartViewedEvent",
        "checkoutEvent",
        "orderCompletedEvent",
    ]
    for subscription in workspace.subscriptions:
        unchanged = (
            subscription.action.title,
            subscription.action.trigger,
            subscription.action.default_mapping,
        )
        assert (subscription.name, subscription.trigger, subscription.mapping) == unchanged


@pytest.mark.parametrize("path", ["minimal.yaml", "export.json", "mistakes.yaml"])
def test_valid_workspace_files_load(path: str) -> None:
    assert load_workspace_or_preset(FIXTURES / path).write_key == "wk_demo"


def test_a_missing_account_defaults_to_the_destination_s() -> None:
    workspace = load_workspace_or_preset(FIXTURES / "export.json")
    assert (workspace.account_name, workspace.account_key) == ("mybrand", "test-key")
    assert workspace.identifiers == ("uuid", "email", "phone_number")


@pytest.mark.parametrize(
    ("text", "document"),
    [
        pytest.param('{"a": [1, 2.5, true, null]}', {"a": [1, 2.5, True, None]}, id="json"),
        pytest.param("a: [1, 2.5, true, null]", {"a": [1, 2.5, True, None]}, id="yaml"),
        pytest.param("{a: b,}", {"a": "b"}, id="yaml in braces"),
        pytest.param("\ufeffa: 1", {"a": 1}, id="byte order mark"),
        pytest.param('{"a": "\\ud83d\\ude00"}', {"a": "😀"}, id="json escapes"),
        pytest.param("country: NO", {"country": "NO"}, id="no is a country"),
        pytest.param("on: 2026-11-23", {"on": "2026-11-23"}, id="dates are text"),
        pytest.param("at: 1:30\nzip: 0123", {"at": "1:30", "zip": "0123"}, id="digits are text"),
        pytest.param("a: &x {b: 1}\nc: {<<: *x, b: 2}", {"a": {"b": 1}, "c": {"b": 2}}, id="merge"),
    ],
)
def test_plain_words_have_the_same_type_in_yaml_and_json(text: str, document: JSONObject) -> None:
    assert parse_document(text.encode(), "shop.yaml") == document


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(
            b"",
            "shop.yaml: this is not a workspace file. Begin with `source:` and `destination:`.",
            id="empty",
        ),
        pytest.param(
            b"\xff\xfe",
            "shop.yaml: the file is in UTF-16, not in UTF-8. Save it as UTF-8.",
            id="not text",
        ),
        pytest.param(
            b"source: {}\nsource: {}",
            "shop.yaml, line 2: the key 'source' occurs twice in one object. Keep one of the two.",
            id="repeated key in yaml",
        ),
        pytest.param(
            b'{"source": 1, "source": 2}',
            "shop.yaml: the key 'source' occurs twice in one object. Keep one of the two.",
            id="repeated key in json",
        ),
        pytest.param(
            b"1: one",
            "shop.yaml, line 1: a key is not text. Write it in quotes.",
            id="number as key",
        ),
        pytest.param(
            b'{\n"a": }x',
            "shop.yaml, line 2: broken JSON: Expecting value. Correct it at this place, or "
            "just before it.",
            id="broken json",
        ),
        pytest.param(
            b"a:\n\tb: 1",
            "shop.yaml, line 2: broken YAML: found character that cannot start any token. "
            "Indent with spaces, not with tabs. Put quotes around a text that begins with @.",
            id="tab",
        ),
        pytest.param(
            b"uuid: {@path: $.userId}",
            "shop.yaml, line 1: broken YAML: found character that cannot start any token. "
            "Indent with spaces, not with tabs. Put quotes around a text that begins with @.",
            id="directive without quotes",
        ),
        pytest.param(
            b"a: !!python/name:os.system ''",
            "shop.yaml, line 1: broken YAML: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/name:os.system'. Correct it at this place, or just "
            "before it.",
            id="python object",
        ),
        pytest.param(
            b'{"a": NaN}',
            "shop.yaml: NaN is not a JSON value. Write a number, or null.",
            id="not a number",
        ),
        pytest.param(
            b"a: 1e999",
            "shop.yaml: a number is too large for JSON. Write it as text.",
            id="infinite number",
        ),
        pytest.param(
            b"a: [-" + b"9" * 400 + b"]",
            "shop.yaml: a number is too large for JSON. Write it as text.",
            id="whole number beyond a double",
        ),
        pytest.param(
            rb'{"a": ["\ud800"]}',
            r"shop.yaml: \ud800 to \udfff are not characters. Leave them out.",
            id="half a character",
        ),
        pytest.param(
            b"- " * 101,
            "shop.yaml: the file nests deeper than 100 levels. Flatten it.",
            id="deep yaml",
        ),
        pytest.param(
            b'{"a":' * 101 + b"1" + b"}" * 101,
            "shop.yaml: the file nests deeper than 100 levels. Flatten it.",
            id="deep json",
        ),
        pytest.param(
            b'{"a":' * 200_000,
            "shop.yaml: the file nests deeper than 100 levels. Flatten it.",
            id="very deep json",
        ),
        pytest.param(
            TOO_MANY_MERGES.encode(),
            "shop.yaml: the file expands to more than 200,000 values. Use fewer aliases.",
            id="aliases of aliases",
        ),
        pytest.param(
            b" " * (MAX_DOCUMENT_BYTES + 1),
            "shop.yaml: a file of 5,000,001 bytes is too large. Keep it below 5,000,000.",
            id="too large",
        ),
    ],
)
def test_unreadable_files_give_one_line_errors(raw: bytes, message: str) -> None:
    with pytest.raises(EmulatorError) as error:
        parse_document(raw, "shop.yaml")
    assert str(error.value) == message


def test_invalid_yaml_is_reported_with_its_line() -> None:
    with pytest.raises(EmulatorError) as error:
        parse_document(b"a: 1\nb: [c: d: e]\n", "shop.yaml")
    assert error.value.where == "shop.yaml, line 2"


@pytest.mark.parametrize(
    ("document", "what", "where", "remedy"),
    [
        pytest.param(
            {"source": SOURCE, "destinations": {}},
            "'destination' is missing",
            "",
            "Begin with source and destination. `emulator lint` lists 1 more.",
            id="missing part",
        ),
        pytest.param(
            {"source": SOURCE | {"writekey": "x"}, "destination": {}},
            "'settings' is missing",
            "destination",
            "Describe the destination as Segment's Public API does: name, enabled, settings, "
            "subscriptions. `emulator lint` lists 2 more.",
            id="several mistakes",
        ),
        pytest.param(
            {
                "source": SOURCE,
                "destination": {"settings": SETTINGS | {"ucd_key": 17}, "subscriptions": []},
            },
            "this is a number, not text",
            "destination.settings.ucd_key",
            "Give the account's key as text; in YAML, put digits in quotes.",
            id="key that is no text",
        ),
        pytest.param(
            {
                "source": SOURCE,
                "destination": {
                    "settings": SETTINGS,
                    "subscriptions": [{"name": "x", "actionSlug": "trackEvents"}],
                },
            },
            "unknown action 'trackEvents'",
            "destination.subscriptions[0] 'x'.actionSlug",
            "Did you mean 'trackEvent'?",
            id="unknown action",
        ),
        pytest.param(
            {
                "source": SOURCE,
                "destination": {
                    "settings": SETTINGS,
                    "subscriptions": [{"name": "x", "actionSlug": "trackEvent", "triger": ""}],
                },
            },
            "unknown key 'triger'",
            "destination.subscriptions[0] 'x'.triger",
            "Did you mean 'trigger'?",
            id="unknown key",
        ),
        pytest.param(
            {
                "source": SOURCE,
                "destination": {"settings": SETTINGS, "subscriptions": []},
                "insider": {"identifiers": []},
            },
            "this list is empty",
            "insider.identifiers",
            "List the names that identify a person, in the order in which they are tried.",
            id="empty list",
        ),
    ],
)
def test_errors_have_their_path(
    tmp_path: Path, document: Any, what: str, where: str, remedy: str
) -> None:
    path = tmp_path / "shop.json"
    path.write_text(json.dumps(document))
    with pytest.raises(EmulatorError) as error:
        load_workspace_or_preset(path)
    place = f"{path}: {where}" if where else str(path)
    assert str(error.value) == f"{place}: {what}. {remedy}"


def test_a_missing_file_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError) as error:
        load_workspace_or_preset(tmp_path / "none.yaml")
    assert str(error.value) == (
        f"{tmp_path}/none.yaml: the workspace file cannot be read (No such file or directory). "
        "Give the path of a JSON or YAML file, or a preset: guide, segment-defaults."
    )


def test_an_unknown_preset_suggests_a_similar_name() -> None:
    with pytest.raises(EmulatorError) as error:
        load_preset_workspace("segment-default")
    assert str(error.value) == (
        "unknown preset 'segment-default'. Did you mean 'segment-defaults'?"
    )
    assert PRESET_NAMES == ("guide", "segment-defaults")


def test_the_example_of_the_docs_loads(tmp_path: Path) -> None:
    example = Path("docs/workspace.md").read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "shop.yaml"
    path.write_text(example)
    assert len(load_workspace_or_preset(path).destination["subscriptions"]) == 2


def test_a_repeated_key_among_many_is_reported() -> None:
    """Counting each key anew would take minutes here."""
    keys = ",".join(f'"k{number}": 1' for number in range(100_000))
    with pytest.raises(EmulatorError) as error:
        parse_document(f'{{{keys}, "k99999": 2}}'.encode(), "shop.json")
    assert error.value.what == "the key 'k99999' occurs twice in one object"


def test_merge_keys_that_add_too_many_values_are_refused() -> None:
    base = "a: &a {" + ", ".join(f"k{number}: 1" for number in range(500)) + "}\n"
    many = "".join(f"b{number}: {{<<: *a}}\n" for number in range(500))
    with pytest.raises(EmulatorError) as error:
        parse_document((base + many).encode(), "shop.yaml")
    assert error.value.what == "the merge keys add more than 200,000 values"
    assert error.value.where == "shop.yaml, line 402"


@pytest.mark.parametrize("number", ["1180591620717411303424", "-9223372036854775809"])
@pytest.mark.parametrize("template", ['{{"settings": {}}}', "settings: {}"])
def test_an_integer_beyond_64_bits_is_read_as_in_javascript(number: str, template: str) -> None:
    document = parse_document(template.format(number).encode(), "shop.yaml")
    assert document == {"settings": float(number)}
    assert fingerprint_document(document)
