"""A workspace document as YAML that reads back as the same document."""

import json

import yaml

from segment_insider_emulator.interchange import export_public_api
from segment_insider_emulator.interchange.imported_workspace import TEST_ACCOUNT_KEY
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.model import Workspace
from segment_insider_emulator.workspace.parsing import StrictYamlLoader

_LINE_WIDTH = 110


class _WorkspaceYamlDumper(yaml.SafeDumper):
    """Puts quotes around whatever our loader, or another one, would take for something else."""

    def ignore_aliases(self, data: JSON) -> bool:
        return True


_WorkspaceYamlDumper.yaml_implicit_resolvers = {
    first: [
        *yaml.SafeDumper.yaml_implicit_resolvers.get(first, []),
        *StrictYamlLoader.yaml_implicit_resolvers.get(first, []),
    ]
    for first in {
        *yaml.SafeDumper.yaml_implicit_resolvers,
        *StrictYamlLoader.yaml_implicit_resolvers,
    }
}


def _represent_object(dumper: _WorkspaceYamlDumper, value: JSONObject) -> yaml.Node:
    # A directive such as {"@path": $.userId} is easier to read on one line.
    short = len(value) == 1 and all(isinstance(each, str) for each in value.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=short)


def _represent_text(dumper: _WorkspaceYamlDumper, value: str) -> yaml.Node:
    # Anything but double quotes would fold these line ends away.
    style = '"' if any(each in value for each in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_WorkspaceYamlDumper.add_representer(dict, _represent_object)
_WorkspaceYamlDumper.add_representer(str, _represent_text)


def format_yaml(document: JSONObject, left_out: list[JSONObject]) -> str:
    """The text of a workspace file; what was left out stands at its end, as comments."""
    text = yaml.dump(
        document,
        Dumper=_WorkspaceYamlDumper,
        sort_keys=False,
        allow_unicode=True,
        width=_LINE_WIDTH,
    )
    if left_out:
        lines = [f"#   {json.dumps(each)}" for each in left_out]
        text += "\n".join(["# Left out, because it cannot be used as it is:", *lines, ""])
    return text


# Of a destination whose key is not the account's: what does not match goes on not to.
OTHER_TEST_KEY = f"other-{TEST_ACCOUNT_KEY}"


def export_workspace_file(workspace: Workspace, *, keep_secrets: bool = False) -> str:
    """The text of the file, YAML."""
    return format_yaml(export_document(workspace, keep_secrets=keep_secrets), [])


def export_document(workspace: Workspace, *, keep_secrets: bool = False) -> JSONObject:
    """The document with each subscription spelled out, and a tracking plan of another file in it.

    Args:
        keep_secrets: Keep the account's key; else KEY stands for it, as in what is imported.
    """
    own = workspace.destination
    settings = export_public_api.export_destination(workspace, keep_secrets=True)
    subscriptions = [export_public_api.with_defaults(each) for each in own["subscriptions"]]
    whole = {
        **workspace.document,
        "destination": {**own, **settings, "subscriptions": subscriptions},
    }
    if isinstance(whole.get("trackingPlan"), str):
        whole["trackingPlan"] = export_public_api.export_tracking_plan(workspace)
    return whole if keep_secrets else replace_secrets(whole)


def replace_secrets(document: JSONObject) -> JSONObject:
    """A workspace document with KEY in the place of the account's key."""
    destination, insider = document["destination"], document.get("insider", {})
    account = insider.get("account")
    matches = account is None or account["key"] == destination["settings"]["ucd_key"]
    settings = {
        **destination["settings"],
        "ucd_key": TEST_ACCOUNT_KEY if matches else OTHER_TEST_KEY,
    }
    kept = {**document, "destination": {**destination, "settings": settings}}
    if account is not None:
        kept["insider"] = {**insider, "account": {**account, "key": TEST_ACCOUNT_KEY}}
    return kept
