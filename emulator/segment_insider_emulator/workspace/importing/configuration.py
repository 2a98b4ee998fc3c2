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
from segment_insider_emulator.workspace.importing.evaluation import Evaluation, TooMuch
from segment_insider_emulator.workspace.importing.hcl_parser import (
    Block,
    Body,
    HclFault,
    NoCharacter,
    TooDeep,
    parse_file,
    parse_template,
)
from segment_insider_emulator.workspace.importing.terraform import Resource
from segment_insider_emulator.workspace.importing.values import Unknown, Value

MAXIMUM_CHARACTERS = 1_000_000
# How many labels stand before the body of a block.
_LABELS = {"resource": 2, "data": 2, "variable": 1, "module": 1, "locals": 0, "import": 0}
# Blocks of a resource that say how Terraform is to work.
_OF_TERRAFORM = ("lifecycle", "provisioner", "connection", "timeouts")
_STATE = "Give the state instead: terraform show -json."


def is_json_syntax(document: JSON) -> bool:
    """Check whether *document* is configuration in Terraform's JSON syntax."""
    known = {*_LABELS, "terraform", "provider", "output", "//"}
    return (
        isinstance(document, dict)
        # `data` alone is what the Public API wraps its answers in.
        and bool(document.keys() & (_LABELS.keys() - {"data"}))
        and document.keys() <= known
    )


def parse(text: str, where: str) -> Body:
    """Return the blocks of one .tf file. Raises: EmulatorError, when it cannot be read."""
    if len(text) > MAXIMUM_CHARACTERS:
        raise _too_large(where)
    return _read(lambda: parse_file(text), text, where)


def parse_json_syntax(document: JSONObject, where: str) -> Body:
    """Return the blocks of one .tf.json file. Raises: EmulatorError, when it cannot be read."""
    return _read(lambda: Body(blocks=list(_blocks(document))), "", where)


def _read(reading: Callable[[], Body], text: str, where: str) -> Body:
    try:
        return reading()
    except TooDeep as error:
        raise _too_large(where) from error
    except NoCharacter as error:
        remedy = "Write one up to \\U0010FFFF that is no half of a pair."
        raise EmulatorError(f"the escape {error} stands for no character", where, remedy) from error
    except HclFault as error:
        line = f", line {text.count(chr(10), 0, error.args[0]) + 1}" if text else ""
        remedy = "Correct it; `terraform validate` says more."
        raise EmulatorError(
            "this is no Terraform configuration", f"{where}{line}", remedy
        ) from error


def _too_large(where: str) -> EmulatorError:
    what = f"more than {MAXIMUM_CHARACTERS:,} characters, or {MAX_DEPTH} levels, are not read"
    return EmulatorError(what, where, _STATE)


def resources(files: list[tuple[str, Body]]) -> Iterator[Resource]:
    """Yield the resources of the files of one folder, (name, body), which share their names.

    Raises: EmulatorError, when the files stand for too much.
    """
    blocks = [(where, block) for where, body in files for block in body.blocks]
    ids = dict(chain.from_iterable(_imported(block) for _, block in blocks))
    evaluation = Evaluation(_definitions(blocks, ids))
    for where, block in blocks:
        wanted = _LABELS.get(block.kind)
        if block.kind == "module" and len(block.labels) == wanted:
            yield Resource("module", f"module.{block.labels[0]}", {}, where)
        elif block.kind == "resource" and len(block.labels) == wanted:
            yield _resource(where, block, ids, evaluation)


def _resource(where: str, block: Block, ids: dict[str, str], evaluation: Evaluation) -> Resource:
    kind, address = block.labels[0], ".".join(block.labels)
    given = _with_blocks(block.body)
    if address in ids:
        given = {"id": ids[address], **given}
    try:
        attributes = evaluation.value(given, f"{where}: {address}")
    except TooDeep as error:
        raise _too_large(f"{where}: {address}") from error
    except TooMuch as error:
        what = "the configuration makes more values than are read"
        raise EmulatorError(what, f"{where}: {address}", _STATE) from error
    return Resource(kind, address, attributes, where)


def _with_blocks(body: Body) -> dict[str, Value]:
    """The attributes of a block, and the blocks inside it as lists of objects."""
    found: dict[str, Value] = dict(body.attributes)
    for block in body.blocks:
        if block.kind == "dynamic" and block.labels:
            found[block.labels[0]] = Unknown(f'dynamic "{block.labels[0]}"')
        elif block.kind not in _OF_TERRAFORM:
            held = found.setdefault(block.kind, [])
            if isinstance(held, list):
                held.append(_with_blocks(block.body))
    return found


def _imported(block: Block) -> Iterator[tuple[str, str]]:
    """Address and id of the resource that an `import` block names, as Git Sync writes them."""
    to, own_id = block.body.attributes.get("to"), block.body.attributes.get("id")
    if block.kind == "import" and isinstance(to, Unknown | str) and isinstance(own_id, str):
        # Subscriptions and filters are named with their destination before a colon.
        yield to.text if isinstance(to, Unknown) else to, own_id.rpartition(":")[2]


def _definitions(blocks: list[tuple[str, Block]], ids: dict[str, str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
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
                own = {"id": ids[address]} if address in ids else {}
                found[address] = own | attributes
    return found


def _blocks(document: JSONObject) -> Iterator[Block]:
    for kind, held in document.items():
        for labels, attributes in _labelled(held, _LABELS.get(kind, 0)):
            if isinstance(attributes, dict) and kind in _LABELS:
                body = {key: _of_json(value) for key, value in attributes.items() if key != "//"}
                yield Block(kind, labels, Body(body))


def _labelled(held: JSON, labels: int) -> Iterator[tuple[list[str], JSON]]:
    """What stands below *labels* names; at every level a list of objects may stand for one."""
    for one in held if isinstance(held, list) else [held]:
        if labels == 0:
            yield [], one
        elif isinstance(one, dict):
            for label, below in one.items():
                for more, attributes in _labelled(below, labels - 1):
                    yield [label, *more], attributes


def _of_json(value: JSON) -> Value:
    if isinstance(value, dict):
        return {key: _of_json(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_of_json(child) for child in value]
    return parse_template(value) if isinstance(value, str) else value
