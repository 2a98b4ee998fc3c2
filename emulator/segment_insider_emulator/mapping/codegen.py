"""Object mappings as generated Python: what makes an event cost microseconds.

Nearly every mapping is an object of paths, many with the same beginnings, some with a second
path to fall back on. For those this module writes one straight function that looks at each
beginning once; any other directive is called as the resolver it was compiled to.
Keys enter the source as Python literals only.
"""

from collections.abc import Callable
from typing import TypeAlias

from segment_insider_emulator.json_text import MAX_DEPTH
from segment_insider_emulator.mapping.fields import (
    ActionField,
    FieldReader,
    compile_field_reader,
    compile_payload_reader,
)
from segment_insider_emulator.mapping.javascript import MISSING, get_member, is_truthy
from segment_insider_emulator.mapping.resolvers import Resolver, split_path, strip_path_prefix
from segment_insider_emulator.mapping.validation import ROOT_DIRECTIVE_KEY, find_mapping_errors
from segment_insider_emulator.types import JSON, JSONObject

CompileDirective: TypeAlias = Callable[[JSON, bool], Resolver]


def compile_object(
    mapping: JSONObject, keep_missing: bool, compile_directive: CompileDirective
) -> Resolver:
    """A resolver of an object mapping that is not a directive.

    Args:
        keep_missing: Whether keys without a value stay, as MISSING.
        compile_other: Compiles the directives that are not inlined.
    """
    writer = FunctionWriter(keep_missing, compile_directive)
    return writer.build_function(writer.write_object(mapping))


def is_plain_object(mapping: JSON) -> bool:
    """Whether *mapping* is an object whose keys are data, not directives."""
    return isinstance(mapping, dict) and not any(key.startswith("@") for key in mapping)


class FunctionWriter:
    """Writes the body of one function of an event.

    Args:
        keep_missing, compile_other: As for `inline_object`.
    """

    def __init__(self, keep_missing: bool, compile_directive: CompileDirective) -> None:
        self.lines: list[str] = []
        self._namespace: dict[str, JSON] = {"MISSING": MISSING, "member": get_member}
        self._path_variables: dict[tuple[str, ...], str] = {(): "event"}
        self._keep_missing = keep_missing
        self._compile_directive = compile_directive

    def build_function(self, result_expression: str) -> Resolver:
        """The function written so far, giving *result*."""
        source = "\n    ".join(["def resolve(event):", *self.lines, f"return {result_expression}"])
        exec(compile(source, "<mapping>", "exec"), self._namespace)
        resolver: Resolver = self._namespace["resolve"]
        return resolver

    def write_object(self, mapping: JSONObject) -> str:
        """Write an object; the variable that holds it."""
        result = self.assign_variable("{}")
        for key, each in mapping.items():
            value = self.write_value(each)
            assignment = f"{result}[{key!r}] = {value}"
            if not self._keep_missing:
                assignment = f"if {value} is not MISSING: {assignment}"
            self.lines.append(assignment)
        return result

    def write_value(self, mapping: JSON) -> str:
        """Write any mapping; the variable that holds its value."""
        keys = _get_plain_path_keys(mapping)
        if keys is not None:
            # A variable of its own: the one of a path may be read again.
            return self.assign_variable(self._write_path(keys))
        if is_plain_object(mapping):
            return self.write_object(mapping)
        if not _is_path_with_fallbacks(mapping):
            resolve = self.bind_object(self._compile_directive(mapping, self._keep_missing))
            return self.assign_variable(f"{resolve}(event)")
        options = mapping["@if"]
        otherwise = options.get("else")
        fallback = self.write_value(otherwise) if is_truthy(otherwise) else "MISSING"
        value = self.write_value(options["exists"])
        self.lines.append(f"if {value} is None or {value} is MISSING: {value} = {fallback}")
        return value

    def assign_variable(self, expression: str) -> str:
        """Assign *expression* to a new variable."""
        variable = f"value_{len(self.lines)}"
        self.lines.append(f"{variable} = {expression}")
        return variable

    def bind_object(self, value: JSON) -> str:
        """A name for a Python object, for use in the source."""
        name = f"other_{len(self._namespace)}"
        self._namespace[name] = value
        return name

    def _write_path(self, keys: tuple[str, ...]) -> str:
        if keys not in self._path_variables:
            parent, key = self._write_path(keys[:-1]), keys[-1]
            self._path_variables[keys] = self.assign_variable(
                f"{parent}.get({key!r}, MISSING) if type({parent}) is dict "
                f"else MISSING if {parent} is MISSING else member({parent}, {key!r})"
            )
        return self._path_variables[keys]


def _get_plain_path_keys(mapping: JSON) -> tuple[str, ...] | None:
    """The keys of a plain `@path`; None for any other mapping, and deeper than events are."""
    if not isinstance(mapping, dict) or list(mapping) != ["@path"]:
        return None
    path = mapping["@path"]
    if not isinstance(path, str):
        return None
    keys = split_path(strip_path_prefix(path))
    return keys if len(keys) <= MAX_DEPTH else None


def _is_path_with_fallbacks(mapping: JSON) -> bool:
    """Whether *mapping* is an `@if` that takes a path if it exists, else another such choice.

    Looking at all of them is cheap and cannot fail, so the choice needs no calls.
    """
    options = mapping.get("@if") if isinstance(mapping, dict) and len(mapping) == 1 else None
    if not isinstance(options, dict) or "exists" not in options:
        return False
    if options.get("then", MISSING) != options["exists"]:
        return False
    otherwise = options.get("else")
    return _get_plain_path_keys(options.get("exists")) is not None and (
        not is_truthy(otherwise)
        or _get_plain_path_keys(otherwise) is not None
        or _is_path_with_fallbacks(otherwise)
    )


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
