"""Terraform configuration: resources of .tf and .tf.json files, as far as they can be worked out.

Worked out are literals, `jsonencode`, texts with values in them, and names of variables, locals,
data and resources that a file of the same folder gives a literal value. Anything else is Unknown.
Source: Terraform, "Configuration syntax" and "JSON configuration syntax".
"""

from collections.abc import Callable, Iterator
from itertools import chain

from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.importing.evaluation import (
    HclEvaluationLimitExceeded,
    HclEvaluator,
)
from segment_insider_emulator.workspace.importing.hcl_parser import (
    HclBlock,
    HclBody,
    HclSyntaxError,
    HclTooDeep,
    InvalidHclEscape,
    parse_hcl_file,
    parse_hcl_template,
)
from segment_insider_emulator.workspace.importing.terraform import TerraformResource
from segment_insider_emulator.workspace.importing.values import ImportValue, UnknownValue

MAX_CONFIG_CHARACTERS = 1_000_000
# How many labels stand before the body of a block.
_LABEL_COUNTS = {"resource": 2, "data": 2, "variable": 1, "module": 1, "locals": 0, "import": 0}
# Blocks of a resource that say how Terraform is to work.
_META_BLOCKS = ("lifecycle", "provisioner", "connection", "timeouts")
_USE_STATE_REMEDY = "Give the state instead: terraform show -json."


def is_json_configuration(document: JSON) -> bool:
    """Check whether *document* is configuration in Terraform's JSON syntax."""
    known = {*_LABEL_COUNTS, "terraform", "provider", "output", "//"}
    return (
        isinstance(document, dict)
        # `data` alone is what the Public API wraps its answers in.
        and bool(document.keys() & (_LABEL_COUNTS.keys() - {"data"}))
        and document.keys() <= known
    )


def parse_configuration(text: str, where: str) -> HclBody:
    """Return the blocks of one .tf file. Raises: EmulatorError, when it cannot be read."""
    if len(text) > MAX_CONFIG_CHARACTERS:
        raise _too_large_error(where)
    return _translate_parse_errors(lambda: parse_hcl_file(text), text, where)


def parse_json_configuration(document: JSONObject, where: str) -> HclBody:
    """Return the blocks of one .tf.json file. Raises: EmulatorError, when it cannot be read."""
    return _translate_parse_errors(lambda: HclBody(blocks=list(_json_blocks(document))), "", where)


def _translate_parse_errors(parse_body: Callable[[], HclBody], text: str, where: str) -> HclBody:
    try:
        return parse_body()
    except HclTooDeep as error:
        raise _too_large_error(where) from error
    except InvalidHclEscape as error:
        remedy = "Write one up to \\U0010FFFF that is no half of a pair."
        raise EmulatorError(f"the escape {error} stands for no character", where, remedy) from error
    except HclSyntaxError as error:
        line = f", line {text.count(chr(10), 0, error.args[0]) + 1}" if text else ""
        remedy = "Correct it; `terraform validate` says more."
        raise EmulatorError(
            "this is no Terraform configuration", f"{where}{line}", remedy
        ) from error


def _too_large_error(where: str) -> EmulatorError:
    what = f"more than {MAX_CONFIG_CHARACTERS:,} characters, or {MAX_DEPTH} levels, are not read"
    return EmulatorError(what, where, _USE_STATE_REMEDY)


def list_config_resources(parsed_files: list[tuple[str, HclBody]]) -> Iterator[TerraformResource]:
    """Yield the resources of the files of one folder, (name, body), which share their names.

    Raises: EmulatorError, when the files stand for too much.
    """
    blocks = [(where, block) for where, body in parsed_files for block in body.blocks]
    ids = dict(chain.from_iterable(_ids_in_import_block(block) for _, block in blocks))
    evaluation = HclEvaluator(_collect_definitions(blocks, ids))
    for where, block in blocks:
        wanted = _LABEL_COUNTS.get(block.kind)
        if block.kind == "module" and len(block.labels) == wanted:
            yield TerraformResource("module", f"module.{block.labels[0]}", {}, where)
        elif block.kind == "resource" and len(block.labels) == wanted:
            yield _evaluate_resource(where, block, ids, evaluation)


def _evaluate_resource(
    where: str, block: HclBlock, resource_ids: dict[str, str], evaluation: HclEvaluator
) -> TerraformResource:
    kind, address = block.labels[0], ".".join(block.labels)
    given = _attributes_with_blocks(block.body)
    if address in resource_ids:
        given = {"id": resource_ids[address], **given}
    try:
        attributes = evaluation.evaluate(given, f"{where}: {address}")
    except HclTooDeep as error:
        raise _too_large_error(f"{where}: {address}") from error
    except HclEvaluationLimitExceeded as error:
        what = "the configuration makes more values than are read"
        raise EmulatorError(what, f"{where}: {address}", _USE_STATE_REMEDY) from error
    return TerraformResource(kind, address, attributes, where)


def _attributes_with_blocks(body: HclBody) -> dict[str, ImportValue]:
    """The attributes of a block, and the blocks inside it as lists of objects."""
    found: dict[str, ImportValue] = dict(body.attributes)
    for block in body.blocks:
        if block.kind == "dynamic" and block.labels:
            found[block.labels[0]] = UnknownValue(f'dynamic "{block.labels[0]}"')
        elif block.kind not in _META_BLOCKS:
            held = found.setdefault(block.kind, [])
            if isinstance(held, list):
                held.append(_attributes_with_blocks(block.body))
    return found


def _ids_in_import_block(block: HclBlock) -> Iterator[tuple[str, str]]:
    """Address and id of the resource that an `import` block names, as Git Sync writes them."""
    to, own_id = block.body.attributes.get("to"), block.body.attributes.get("id")
    if block.kind == "import" and isinstance(to, UnknownValue | str) and isinstance(own_id, str):
        # Subscriptions and filters are named with their destination before a colon.
        yield to.text if isinstance(to, UnknownValue) else to, own_id.rpartition(":")[2]


def _collect_definitions(
    blocks: list[tuple[str, HclBlock]], resource_ids: dict[str, str]
) -> dict[str, ImportValue]:
    found: dict[str, ImportValue] = {}
    for _, block in blocks:
        attributes = block.body.attributes
        match block.kind, block.labels:
            case "locals", []:
                found |= {f"local.{name}": value for name, value in attributes.items()}
            case "variable", [name] if "default" in attributes:
                found[f"var.{name}"] = attributes["default"]
            case "data", [kind, name]:
                found[f"data.{kind}.{name}"] = attributes
            case "resource", [kind, name]:
                address = f"{kind}.{name}"
                own = {"id": resource_ids[address]} if address in resource_ids else {}
                found[address] = own | attributes
    return found


def _json_blocks(document: JSONObject) -> Iterator[HclBlock]:
    for kind, held in document.items():
        for labels, attributes in _split_labels(held, _LABEL_COUNTS.get(kind, 0)):
            if isinstance(attributes, dict) and kind in _LABEL_COUNTS:
                body = {
                    key: _parse_json_templates(value)
                    for key, value in attributes.items()
                    if key != "//"
                }
                yield HclBlock(kind, labels, HclBody(body))


def _split_labels(value: JSON, label_count: int) -> Iterator[tuple[list[str], JSON]]:
    """What stands below *labels* names; at every level a list of objects may stand for one."""
    for one in value if isinstance(value, list) else [value]:
        if label_count == 0:
            yield [], one
        elif isinstance(one, dict):
            for label, below in one.items():
                for more, attributes in _split_labels(below, label_count - 1):
                    yield [label, *more], attributes


def _parse_json_templates(value: JSON) -> ImportValue:
    if isinstance(value, dict):
        return {key: _parse_json_templates(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_parse_json_templates(child) for child in value]
    return parse_hcl_template(value) if isinstance(value, str) else value
