"""A workspace document as YAML that reads back as the same document."""

import json

import yaml

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.yaml_loader import StrictYamlLoader

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
