"""Parser and evaluator of Terraform configuration: .tf and .tf.json files.

Literals, `jsonencode`, templates, and references to variables, locals, data and resources with a
literal value in the same folder are evaluated. Every other expression is an UnknownValue.
Source: Terraform, "Configuration syntax" and "JSON configuration syntax".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange.hcl_parser import (
    HclBlock,
    HclBody,
    HclSyntaxError,
    HclTooDeep,
    InvalidHclEscape,
    parse_hcl_file,
    parse_hcl_template,
)
from segment_insider_emulator.interchange.import_resources import (
    ImportValue,
    JsonEncodeCall,
    TemplateValue,
    UnknownValue,
    encode_jsonencode_call,
    replace_jsonencode_calls,
)
from segment_insider_emulator.interchange.import_terraform import TerraformResource
from segment_insider_emulator.json_text import MAX_DEPTH
from segment_insider_emulator.types import JSON, JSONObject

# Limits for one folder: locals that refer to locals grow faster than their text.
MAX_EVALUATED_VALUES = 500_000
MAX_EVALUATED_CHARACTERS = 5_000_000
_PATH_STEP = re.compile(r'\.([\w-]+)|\[(\d+)\]|\["([^"\\$%]*)"\]')


class HclEvaluationLimitExceeded(ValueError):
    """The Terraform configuration expands to too many values or too long texts."""


class HclEvaluator:
    """Evaluates HCL values: replaces references by the values that they refer to.

    Args:
        definitions: Name such as "var.currency", "local.orders" or "segment_source.web" -> value.
    """

    def __init__(self, definitions: dict[str, ImportValue]) -> None:
        self._definitions = definitions
        self._names_in_evaluation: list[str] = []
        self._depth = 0
        self._values_left = MAX_EVALUATED_VALUES
        self._characters_left = MAX_EVALUATED_CHARACTERS

    def evaluate(self, value: ImportValue, where: str) -> ImportValue:
        """Evaluate an HCL value to JSON; unresolved parts stay as values with their location.

        Raises: HclEvaluationLimitExceeded, HclTooDeep.
        """
        self._values_left -= 1
        if self._values_left < 0:
            raise HclEvaluationLimitExceeded
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise HclTooDeep
        result = self._evaluate_by_type(value, where)
        self._depth -= 1
        return result

    def _evaluate_by_type(self, value: ImportValue, where: str) -> ImportValue:
        match value:
            case dict():
                return {key: self.evaluate(child, f"{where}.{key}") for key, child in value.items()}
            case list():
                return [
                    self.evaluate(child, f"{where}[{index}]") for index, child in enumerate(value)
                ]
            case JsonEncodeCall():
                return JsonEncodeCall(
                    replace_jsonencode_calls(self.evaluate(value.value, where), self._encode_json)
                )
            case TemplateValue():
                return self._join_template(value, where)
            case UnknownValue():
                return self._resolve_reference(value, where)
        return value

    def _resolve_reference(self, unknown: UnknownValue, where: str) -> ImportValue:
        name, steps = _split_terraform_reference(unknown.text)
        if name not in self._definitions or name in self._names_in_evaluation:
            return replace(unknown, where=where)
        value = self._definitions[name]
        if name.partition(".")[0] not in ("var", "local", "data"):
            # References to a resource with `count` or `for_each` have an index.
            steps = [step for step in steps if isinstance(step, str)]
        for index, step in enumerate(steps):
            if isinstance(value, UnknownValue):
                return self.evaluate(_append_path_steps(value, steps[index:]), where)
            if not _has_path_step(value, step):
                return replace(_append_path_steps(UnknownValue(name), steps), where=where)
            value = value[step]
        self._names_in_evaluation.append(name)
        result = self.evaluate(value, where)
        self._names_in_evaluation.pop()
        return result

    def _join_template(self, template: TemplateValue, where: str) -> str | UnknownValue:
        parts = [self.evaluate(part, where) for part in template.parts]
        texts = [self._convert_part_to_text(part) for part in parts]
        if any(text is None for text in texts):
            return UnknownValue(f'"{template.text}"', where)
        return self._check_character_limit("".join(text or "" for text in texts))

    def _convert_part_to_text(self, part: ImportValue) -> str | None:
        if isinstance(part, JsonEncodeCall):
            part = self._encode_json(part)
        if isinstance(part, bool):
            return "true" if part else "false"
        if isinstance(part, float) and part.is_integer():
            part = int(part)
        return str(part) if isinstance(part, str | int | float) else None

    def _check_character_limit(self, text: str) -> str:
        self._characters_left -= len(text)
        if self._characters_left < 0:
            raise HclEvaluationLimitExceeded
        return text

    def _encode_json(self, encoded: JsonEncodeCall) -> str | UnknownValue:
        text = encode_jsonencode_call(encoded)
        return self._check_character_limit(text) if isinstance(text, str) else text


def _split_terraform_reference(text: str) -> tuple[str, list[str | int]]:
    """Split a reference such as `local.a.b[0]` into the defined name "local.a" and its steps."""
    word_count = 3 if text.startswith("data.") else 2
    head = re.match(rf"[^\W\d][\w-]*+(?:\.[\w-]++){{{word_count - 1}}}", text)
    if not head:
        return "", []
    steps: list[str | int] = []
    position = head.end()
    while match := _PATH_STEP.match(text, position):
        name, index, key = match.groups()
        steps.append(int(index) if index else name or key)
        position = match.end()
    return (head[0], steps) if position == len(text) else ("", [])


def _append_path_steps(unknown: UnknownValue, steps: list[str | int]) -> UnknownValue:
    suffix = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return UnknownValue(unknown.text + suffix)


def _has_path_step(value: ImportValue, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


MAX_CONFIG_CHARACTERS = 1_000_000
# Number of labels of each kind of block.
_LABEL_COUNTS = {"resource": 2, "data": 2, "variable": 1, "module": 1, "locals": 0, "import": 0}
# Blocks of a resource that only configure Terraform.
_META_BLOCKS = ("lifecycle", "provisioner", "connection", "timeouts")
_USE_STATE_REMEDY = "Give the state instead: terraform show -json."


def is_terraform_json(document: JSON) -> bool:
    """Return whether a JSON document is a Terraform configuration in JSON syntax."""
    known = {*_LABEL_COUNTS, "terraform", "provider", "output", "//"}
    return (
        isinstance(document, dict)
        # The Public API wraps its answers in `data`, so that alone does not count.
        and bool(document.keys() & (_LABEL_COUNTS.keys() - {"data"}))
        and document.keys() <= known
    )


def parse_terraform_file(text: str, where: str) -> HclBody:
    """Parse one .tf file.

    Raises: EmulatorError, when it is invalid.
    """
    if len(text) > MAX_CONFIG_CHARACTERS:
        raise _build_too_large_error(where)
    return _translate_parse_errors(lambda: parse_hcl_file(text), text, where)


def parse_terraform_json_file(document: JSONObject, where: str) -> HclBody:
    """Parse one .tf.json file.

    Raises: EmulatorError, when it is invalid.
    """
    return _translate_parse_errors(
        lambda: HclBody(blocks=list(_iterate_json_blocks(document))), "", where
    )


def _translate_parse_errors(parse_body: Callable[[], HclBody], text: str, where: str) -> HclBody:
    try:
        return parse_body()
    except HclTooDeep as error:
        raise _build_too_large_error(where) from error
    except InvalidHclEscape as error:
        remedy = "Use a code up to \\U0010FFFF that is not half of a surrogate pair."
        raise EmulatorError(
            f"the escape {error} is not a valid character", where, remedy
        ) from error
    except HclSyntaxError as error:
        line = f", line {text.count(chr(10), 0, error.args[0]) + 1}" if text else ""
        remedy = "Correct it; `terraform validate` says more."
        raise EmulatorError(
            "this is not valid Terraform configuration", f"{where}{line}", remedy
        ) from error


def _build_too_large_error(where: str) -> EmulatorError:
    what = f"more than {MAX_CONFIG_CHARACTERS:,} characters, or {MAX_DEPTH} levels, are not read"
    return EmulatorError(what, where, _USE_STATE_REMEDY)


def list_terraform_config_resources(
    parsed_files: list[tuple[str, HclBody]],
) -> Iterator[TerraformResource]:
    """Yield the resources of a folder's Terraform files, (name, body), evaluated together.

    Raises: EmulatorError, when the files expand to too many values.
    """
    blocks = [(where, block) for where, body in parsed_files for block in body.blocks]
    ids = dict(chain.from_iterable(_iterate_import_block_ids(block) for _, block in blocks))
    evaluation = HclEvaluator(_collect_terraform_definitions(blocks, ids))
    for where, block in blocks:
        label_count = _LABEL_COUNTS.get(block.kind)
        if block.kind == "module" and len(block.labels) == label_count:
            yield TerraformResource("module", f"module.{block.labels[0]}", {}, where)
        elif block.kind == "resource" and len(block.labels) == label_count:
            yield _evaluate_resource(where, block, ids, evaluation)


def _evaluate_resource(
    where: str, block: HclBlock, resource_ids: dict[str, str], evaluation: HclEvaluator
) -> TerraformResource:
    kind, address = block.labels[0], ".".join(block.labels)
    attributes_with_blocks = _collect_attributes_and_blocks(block.body)
    if address in resource_ids:
        attributes_with_blocks = {"id": resource_ids[address], **attributes_with_blocks}
    try:
        attributes = evaluation.evaluate(attributes_with_blocks, f"{where}: {address}")
    except HclTooDeep as error:
        raise _build_too_large_error(f"{where}: {address}") from error
    except HclEvaluationLimitExceeded as error:
        what = "the configuration expands to too many values"
        raise EmulatorError(what, f"{where}: {address}", _USE_STATE_REMEDY) from error
    return TerraformResource(kind, address, attributes, where)


def _collect_attributes_and_blocks(body: HclBody) -> dict[str, ImportValue]:
    """Return an HCL block's attributes, with nested blocks as lists of objects."""
    attributes: dict[str, ImportValue] = dict(body.attributes)
    for block in body.blocks:
        if block.kind == "dynamic" and block.labels:
            attributes[block.labels[0]] = UnknownValue(f'dynamic "{block.labels[0]}"')
        elif block.kind not in _META_BLOCKS:
            entries = attributes.setdefault(block.kind, [])
            if isinstance(entries, list):
                entries.append(_collect_attributes_and_blocks(block.body))
    return attributes


def _iterate_import_block_ids(block: HclBlock) -> Iterator[tuple[str, str]]:
    """Yield address and id of the resource that a Terraform `import` block names."""
    to, resource_id = block.body.attributes.get("to"), block.body.attributes.get("id")
    if (
        block.kind == "import"
        and isinstance(to, UnknownValue | str)
        and isinstance(resource_id, str)
    ):
        # Ids of subscriptions and filters have the destination's id and a colon in front.
        yield to.text if isinstance(to, UnknownValue) else to, resource_id.rpartition(":")[2]


def _collect_terraform_definitions(
    blocks: list[tuple[str, HclBlock]], resource_ids: dict[str, str]
) -> dict[str, ImportValue]:
    definitions: dict[str, ImportValue] = {}
    for _, block in blocks:
        attributes = block.body.attributes
        match block.kind, block.labels:
            case "locals", []:
                definitions |= {f"local.{name}": value for name, value in attributes.items()}
            case "variable", [name] if "default" in attributes:
                definitions[f"var.{name}"] = attributes["default"]
            case "data", [kind, name]:
                definitions[f"data.{kind}.{name}"] = attributes
            case "resource", [kind, name]:
                address = f"{kind}.{name}"
                known_id = {"id": resource_ids[address]} if address in resource_ids else {}
                definitions[address] = known_id | attributes
    return definitions


def _iterate_json_blocks(document: JSONObject) -> Iterator[HclBlock]:
    for kind, content in document.items():
        for labels, attributes in _split_json_block_labels(content, _LABEL_COUNTS.get(kind, 0)):
            if isinstance(attributes, dict) and kind in _LABEL_COUNTS:
                body = {
                    key: _parse_json_templates(value)
                    for key, value in attributes.items()
                    if key != "//"
                }
                yield HclBlock(kind, labels, HclBody(body))


def _split_json_block_labels(value: JSON, label_count: int) -> Iterator[tuple[list[str], JSON]]:
    """Yield the labels and content of JSON Terraform blocks at depth *label_count*.

    A list has several objects.
    """
    for entry in value if isinstance(value, list) else [value]:
        if label_count == 0:
            yield [], entry
        elif isinstance(entry, dict):
            for label, child in entry.items():
                for inner_labels, attributes in _split_json_block_labels(child, label_count - 1):
                    yield [label, *inner_labels], attributes


def _parse_json_templates(value: JSON) -> ImportValue:
    if isinstance(value, dict):
        return {key: _parse_json_templates(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_parse_json_templates(child) for child in value]
    return parse_hcl_template(value) if isinstance(value, str) else value
