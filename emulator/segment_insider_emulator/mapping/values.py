"""From event to the values of an action's fields: resolved and read in one generated function.

Resolving a mapping and reading its payload are two walks over the same keys. For the usual mapping,
an object of fields, this module writes both as one; it stores a value at once when it already has
a type that its field takes, and calls the field's own reader for any other.
"""

from collections.abc import Callable
from typing import TypeAlias

from segment_insider_emulator.mapping.fields import (
    ActionField,
    FieldReader,
    compile_field_reader,
    compile_payload_reader,
)
from segment_insider_emulator.mapping.inlining import (
    CompileDirective,
    FunctionWriter,
    is_plain_object,
)
from segment_insider_emulator.mapping.paths import Resolver
from segment_insider_emulator.mapping.root import ROOT_DIRECTIVE_KEY
from segment_insider_emulator.mapping.validation import find_mapping_errors
from segment_insider_emulator.types import JSON, JSONObject

FieldValueResolver: TypeAlias = Callable[[JSON], JSONObject]


def compile_field_values(
    mapping: JSONObject,
    fields: tuple[ActionField, ...],
    resolve_mapping: Resolver,
    compile_mapping: CompileDirective,
) -> FieldValueResolver:
    """A function from a single event to the cleaned, coerced values of *fields*.

    Args:
        resolve: The compiled mapping; it has the last word on events whose values do not fit, and
            the only one on mappings that are no plain object of fields, or are refused.
    Raises: What *resolve* raises; PayloadError.
    """
    read = compile_payload_reader(fields, drop_empty_text=True)
    if (
        not is_plain_object(mapping)
        or ROOT_DIRECTIVE_KEY in mapping
        or find_mapping_errors(mapping)
    ):
        return lambda event: read(resolve_mapping(event))
    writer = _FieldValuesWriter(compile_mapping)
    writer.write_fields(mapping, fields)
    required = {field.key for field in fields if field.required}
    write = writer.build_function("values, faults")

    def values(event: JSON) -> JSONObject:
        found: JSONObject
        found, faults = write(event)
        if faults or not required <= found.keys():
            # Segment lists faults in the order of the fields, which the mapping need not keep.
            return read(resolve_mapping(event))
        return found

    return values


class _FieldValuesWriter(FunctionWriter):
    def __init__(self, compile_directive: CompileDirective) -> None:
        super().__init__(keep_missing=False, compile_directive=compile_directive)
        self.lines += ["values = {}", "faults = []"]

    def write_fields(self, mapping: JSONObject, fields: tuple[ActionField, ...]) -> None:
        known = {field.key: field for field in fields}
        for key, each in mapping.items():
            field = known.get(key)
            if field is None:
                self.write_value(each)  # nobody reads it, but a directive in it may fail
            elif field.properties and not field.multiple and is_plain_object(each):
                self._write_properties(each, field)
            else:
                self._write_typed_assignment(
                    "values", self.write_value(each), compile_field_reader(field, True, True), True
                )

    def _write_properties(self, mapping: JSONObject, field: ActionField) -> None:
        members = {each.key: compile_field_reader(each, True) for each in field.properties}
        holder = self.assign_variable("{}")
        for key, each in mapping.items():
            value = self.write_value(each)
            if key in members:
                self._write_typed_assignment(holder, value, members[key], False)
            else:
                self.lines.append(f"if {value} is not MISSING: {holder}[{key!r}] = {value}")
        self.lines.append(f"values[{field.key!r}] = {holder}")

    def _write_typed_assignment(
        self, target: str, variable: str, field_reader: FieldReader, drop_empty_text: bool
    ) -> None:
        key, taken, read = field_reader
        types, reader = self.bind_object(taken), self.bind_object(read)
        put = f"{target}[{key!r}] = {variable}"
        put_taken = f'if {variable} != "": {put}' if drop_empty_text else put
        # Written out: the usual value costs one look at its type.
        self.lines += [
            f"if type({variable}) in {types}:",
            f"    {put_taken}",
            f"elif {variable} is not MISSING:",
            f"    {variable} = {reader}({variable}, faults)",
            f"    if {variable} is not MISSING: {put}",
        ]
