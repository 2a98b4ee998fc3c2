"""From event to the values of an action's fields: resolved and read in one generated function.

Resolving a mapping and reading its payload are two walks over the same keys. For the usual mapping,
an object of fields, this module writes both as one; it stores a value at once when it already has
a type that its field takes, and calls the field's own reader for any other.
"""

from collections.abc import Callable
from typing import TypeAlias

from segment_insider_emulator.mapping.fields import Field, Member, compile_fields, compile_member
from segment_insider_emulator.mapping.inlining import Compile, Writer, is_plain_object
from segment_insider_emulator.mapping.paths import Resolver
from segment_insider_emulator.mapping.root import ROOT_KEY
from segment_insider_emulator.mapping.validation import mapping_errors
from segment_insider_emulator.types import JSON, JSONObject

Values: TypeAlias = Callable[[JSON], JSONObject]


def compile_values(
    mapping: JSONObject, fields: tuple[Field, ...], resolve: Resolver, compile_mapping: Compile
) -> Values:
    """A function from a single event to the cleaned, coerced values of *fields*.

    Args:
        resolve: The compiled mapping; it has the last word on events whose values do not fit, and
            the only one on mappings that are no plain object of fields, or are refused.
    Raises: What *resolve* raises; PayloadError.
    """
    read = compile_fields(fields, drop_empty_text=True)
    if not is_plain_object(mapping) or ROOT_KEY in mapping or mapping_errors(mapping):
        return lambda event: read(resolve(event))
    writer = _ValueWriter(compile_mapping)
    writer.fields(mapping, fields)
    required = {field.key for field in fields if field.required}
    write = writer.function("values, faults")

    def values(event: JSON) -> JSONObject:
        found: JSONObject
        found, faults = write(event)
        if faults or not required <= found.keys():
            # Segment lists faults in the order of the fields, which the mapping need not keep.
            return read(resolve(event))
        return found

    return values


class _ValueWriter(Writer):
    def __init__(self, compile_other: Compile) -> None:
        super().__init__(keep_missing=False, compile_other=compile_other)
        self.lines += ["values = {}", "faults = []"]

    def fields(self, mapping: JSONObject, fields: tuple[Field, ...]) -> None:
        known = {field.key: field for field in fields}
        for key, each in mapping.items():
            field = known.get(key)
            if field is None:
                self.value(each)  # nobody reads it, but a directive in it may fail
            elif field.properties and not field.multiple and is_plain_object(each):
                self._properties(each, field)
            else:
                self._store("values", self.value(each), compile_member(field, True, True), True)

    def _properties(self, mapping: JSONObject, field: Field) -> None:
        members = {each.key: compile_member(each, True) for each in field.properties}
        holder = self.new("{}")
        for key, each in mapping.items():
            value = self.value(each)
            if key in members:
                self._store(holder, value, members[key], False)
            else:
                self.lines.append(f"if {value} is not MISSING: {holder}[{key!r}] = {value}")
        self.lines.append(f"values[{field.key!r}] = {holder}")

    def _store(self, holder: str, value: str, member: Member, drop_empty_text: bool) -> None:
        key, taken, read = member
        types, reader = self.name(taken), self.name(read)
        put = f"{holder}[{key!r}] = {value}"
        put_taken = f'if {value} != "": {put}' if drop_empty_text else put
        # Written out: the usual value costs one look at its type.
        self.lines += [
            f"if type({value}) in {types}:",
            f"    {put_taken}",
            f"elif {value} is not MISSING:",
            f"    {value} = {reader}({value}, faults)",
            f"    if {value} is not MISSING: {put}",
        ]
