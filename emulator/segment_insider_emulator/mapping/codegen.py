"""Code generation: paths, templates and objects of mappings compiled to Python functions.

Nearly every mapping is an object of paths; many paths have the same first keys, some have a second
path as fallback. For these mappings, this module writes one Python function without calls that
reads each common beginning once. Other directives are called as the resolvers to which they were
compiled. Keys enter the source as Python literals only.

`compile_field_values` writes resolving and reading the fields as one function. It stores a value
at once when its type is accepted unchanged, and calls the reader of the field for other values.
"""

import re
from collections.abc import Callable
from functools import reduce
from typing import TypeAlias

from segment_insider_emulator.json_text import MAX_DEPTH
from segment_insider_emulator.mapping.fields import (
    ActionField,
    FieldReader,
    compile_field_reader,
    compile_payload_reader,
)
from segment_insider_emulator.mapping.javascript import (
    MISSING,
    WHITE_SPACE,
    get_member,
    is_truthy,
    to_js_string,
)
from segment_insider_emulator.mapping.validation import (
    ROOT_DIRECTIVE_KEY,
    MappingCompiler,
    Resolver,
    find_mapping_errors,
)
from segment_insider_emulator.types import JSON, JSONObject

_PATH_SEPARATOR = re.compile(r"""\[(?=["'0-9])|\.|(?<=["'0-9])\]+""")
_QUOTE_CHARACTER = re.compile("['\"]")


def split_path(path: str) -> tuple[str, ...]:
    """Split a mapping path into its keys at dots and brackets; quotes are removed."""
    if path in ("", "."):
        return ()
    return tuple(_QUOTE_CHARACTER.sub("", part) for part in _PATH_SEPARATOR.split(path) if part)


def strip_path_prefix(path: str) -> str:
    """Remove the first `$.` of a mapping path, at any position."""
    return path.replace("$.", "", 1)


def compile_path(path: str) -> Resolver:
    """Compile a path to a reader of events; a missing key gives MISSING, a falsy value ends it."""
    keys = split_path(path)
    if not keys:
        return lambda event: event
    return _BUILDERS_BY_KEY_COUNT.get(len(keys), _build_long_path_resolver)(*keys)


def _build_one_key_path_resolver(key: str) -> Resolver:
    def resolve(event: JSON) -> JSON:
        return event.get(key, MISSING) if type(event) is dict else get_member(event, key)

    return resolve


def _build_two_key_path_resolver(first_key: str, second_key: str) -> Resolver:
    def resolve(event: JSON) -> JSON:
        parent = (
            event.get(first_key, MISSING) if type(event) is dict else get_member(event, first_key)
        )
        return (
            parent.get(second_key, MISSING)
            if type(parent) is dict
            else get_member(parent, second_key)
        )

    return resolve


def _build_long_path_resolver(*keys: str) -> Resolver:
    return lambda event: reduce(get_member, keys, event)


# Nearly all paths have one or two keys; specialised code makes them faster.
_BUILDERS_BY_KEY_COUNT: dict[int, Callable[..., Resolver]] = {
    1: _build_one_key_path_resolver,
    2: _build_two_key_path_resolver,
}


def compile_path_template(template: str) -> Callable[[JSON], str]:
    """Compile a path template with `{{path}}` and `{{{path}}}`; neither escapes.

    Braces are replaced in two passes, first triple, then double ones; so the text that triple
    braces add is rendered again.
    """
    double = _compile_template_for_brace_count(2, template)
    if not _split_template(3, template)[1]:
        return double
    triple = _compile_template_for_brace_count(3, template)
    return lambda event: _compile_template_for_brace_count(2, triple(event))(event)


def _compile_template_for_brace_count(brace_count: int, template: str) -> Callable[[JSON], str]:
    texts, paths = _split_template(brace_count, template)
    resolvers = [compile_path(path) for path in paths]

    def render(event: JSON) -> str:
        values = [_format_template_value(resolve(event)) for resolve in resolvers]
        return "".join(part for pair in zip(texts, [*values, ""], strict=True) for part in pair)

    return render


def _split_template(brace_count: int, template: str) -> tuple[list[str], list[str]]:
    """Split a path template into its texts and the paths in braces between them.

    A path contains no closing brace. Braces are searched by hand: a regular expression would try
    again from each of a long run of opening braces, which an event may contain.
    """
    opening, closing = "{" * brace_count, "}" * brace_count
    texts: list[str] = []
    paths: list[str] = []
    text_begin = search_from = 0
    while (begin := template.find(opening, search_from)) >= 0:
        end = template.find("}", begin)
        if end < 0:
            break
        search_from = end + 1
        path = template[begin + brace_count : end]
        if path and template.startswith(closing, end):
            texts.append(template[text_begin:begin])
            paths.append(path.strip(WHITE_SPACE))
            text_begin = search_from = end + brace_count
    return [*texts, template[text_begin:]], paths


def _format_template_value(value: JSON) -> str:
    return "" if value is None or value is MISSING else to_js_string(value)


def render_template_and_list_paths(template: str, event: JSON) -> tuple[str, list[str]]:
    """Render a path template for *event*; return the text and every path that was printed."""
    triple = _split_template(3, template)[1]
    second = _compile_template_for_brace_count(3, template)(event) if triple else template
    return _compile_template_for_brace_count(2, second)(event), [
        *triple,
        *_split_template(2, second)[1],
    ]


def find_template_paths(template: str) -> list[str]:
    """Return the event paths between double or triple braces of a path template."""
    texts, triple = _split_template(3, template)
    return [*triple, *(path for text in texts for path in _split_template(2, text)[1])]


def compile_object_mapping(
    mapping: JSONObject, keep_missing: bool, compile_mapping: MappingCompiler
) -> Resolver:
    """Compile an object mapping without directive keys to a function that resolves it for an event.

    Args:
        keep_missing: Whether keys without a value stay in the object, as MISSING.
        compile_mapping: Compiles directives other than paths.
    """
    writer = FunctionWriter(keep_missing, compile_mapping)
    return writer.build_function(writer.write_object_mapping(mapping))


def is_object_without_directives(mapping: JSON) -> bool:
    """Return whether a mapping is an object with data keys only, no directive keys."""
    return isinstance(mapping, dict) and not any(key.startswith("@") for key in mapping)


class FunctionWriter:
    """Writer of the Python source of one function that takes an event.

    Args:
        keep_missing, compile_mapping: As for `compile_object_mapping`.
    """

    def __init__(self, keep_missing: bool, compile_mapping: MappingCompiler) -> None:
        self.lines: list[str] = []
        self._namespace: dict[str, JSON] = {"MISSING": MISSING, "get_member": get_member}
        self._path_variables: dict[tuple[str, ...], str] = {(): "event"}
        self._keep_missing = keep_missing
        self._compile_mapping = compile_mapping

    def build_function(self, result_expression: str) -> Resolver:
        """Compile the lines written so far to a function that returns *result_expression*."""
        source = "\n    ".join(["def resolve(event):", *self.lines, f"return {result_expression}"])
        exec(compile(source, "<mapping>", "exec"), self._namespace)
        resolver: Resolver = self._namespace["resolve"]
        return resolver

    def write_object_mapping(self, mapping: JSONObject) -> str:
        """Write code that resolves an object mapping; return the variable with its value."""
        result = self.write_assignment("{}")
        for key, member in mapping.items():
            value = self.write_mapping(member)
            assignment = f"{result}[{key!r}] = {value}"
            if not self._keep_missing:
                assignment = f"if {value} is not MISSING: {assignment}"
            self.lines.append(assignment)
        return result

    def write_mapping(self, mapping: JSON) -> str:
        """Write code that resolves any mapping; return the variable with its value."""
        paths = _list_alternative_paths(mapping)
        if paths is not None:
            return self._write_first_existing(paths)
        if is_object_without_directives(mapping):
            return self.write_object_mapping(mapping)
        if not isinstance(mapping, dict | list):
            return self.bind_object(mapping)
        resolve = self.bind_object(self._compile_mapping(mapping, self._keep_missing))
        return self.write_assignment(f"{resolve}(event)")

    def write_assignment(self, expression: str) -> str:
        """Write code that assigns *expression* to a new variable; return the variable."""
        variable = f"value_{len(self.lines)}"
        self.lines.append(f"{variable} = {expression}")
        return variable

    def bind_object(self, value: JSON) -> str:
        """Bind a Python object to a new name that generated code can use; return the name."""
        name = f"object_{len(self._namespace)}"
        self._namespace[name] = value
        return name

    def _write_first_existing(self, paths: "_AlternativePaths") -> str:
        first, *others = paths
        if not others:
            return self._write_path_read(first)
        value = self.write_assignment(self._write_path_read(first))
        for keys in others:
            alternative = "MISSING" if keys is None else self._format_path_read(keys)
            self.lines.append(f"if {value} is None or {value} is MISSING: {value} = {alternative}")
        return value

    def _write_path_read(self, keys: "_PathKeys") -> str:
        """Write the code that reads a path, once; return its variable, which must not change."""
        if keys not in self._path_variables:
            self._path_variables[keys] = self.write_assignment(self._format_path_read(keys))
        return self._path_variables[keys]

    def _format_path_read(self, keys: "_PathKeys") -> str:
        """Return the expression that reads a path; write the code that it needs before."""
        if keys in self._path_variables:
            return self._path_variables[keys]
        parent, key = self._write_path_read(keys[:-1]), keys[-1]
        return (
            f"{parent}.get({key!r}, MISSING) if type({parent}) is dict "
            f"else MISSING if {parent} is MISSING else get_member({parent}, {key!r})"
        )


_PathKeys: TypeAlias = tuple[str, ...]
_AlternativePaths: TypeAlias = tuple[_PathKeys, *tuple[_PathKeys | None, ...]]


def _get_path_directive_keys(mapping: JSON) -> _PathKeys | None:
    """Return the keys of a plain `@path`; None for other mappings and for too deep paths."""
    if not isinstance(mapping, dict) or list(mapping) != ["@path"]:
        return None
    path = mapping["@path"]
    if not isinstance(path, str):
        return None
    keys = split_path(strip_path_prefix(path))
    return keys if len(keys) <= MAX_DEPTH else None


def _list_alternative_paths(mapping: JSON) -> _AlternativePaths | None:
    """Return the paths of which *mapping* takes the first existing one: a path or nested `@if`.

    Reading these paths is cheap and cannot fail, so no calls are needed.

    Returns: The paths, the last one None when the value can be MISSING; None for other mappings.
    """
    keys = _get_path_directive_keys(mapping)
    if keys is not None:
        return (keys,)
    options = mapping.get("@if") if isinstance(mapping, dict) and len(mapping) == 1 else None
    if not isinstance(options, dict) or "exists" not in options:
        return None
    if options.get("then", MISSING) != options["exists"]:
        return None
    keys, else_mapping = _get_path_directive_keys(options["exists"]), options.get("else")
    others = _list_alternative_paths(else_mapping) if is_truthy(else_mapping) else (None,)
    return None if keys is None or others is None else (keys, *others)


FieldValueResolver: TypeAlias = Callable[[JSON], JSONObject]


def compile_field_values(
    mapping: JSONObject,
    fields: tuple[ActionField, ...],
    resolve_mapping: Resolver,
    compile_mapping: MappingCompiler,
) -> FieldValueResolver:
    """Return a function from one event to the cleaned, coerced values of *fields*.

    Args:
        resolve_mapping: The compiled mapping. Used for events with values that do not fit, and
            for mappings that are invalid or not a plain object of fields.
    Raises: What *resolve_mapping* raises; PayloadValidationError.
    """
    read = compile_payload_reader(fields, drop_empty_text=True)
    if (
        not is_object_without_directives(mapping)
        or ROOT_DIRECTIVE_KEY in mapping
        or find_mapping_errors(mapping)
    ):
        return lambda event: read(resolve_mapping(event))
    writer = _FieldValuesWriter(compile_mapping)
    writer.write_fields(mapping, fields)
    # Segment lists errors in the order of the fields, which may differ from the mapping.
    read_in_order = writer.bind_object(lambda event: read(resolve_mapping(event)))
    required = [f"{field.key!r} in values" for field in fields if field.required]
    condition = " and ".join(["not errors", *required])
    return writer.build_function(f"values if {condition} else {read_in_order}(event)")


class _FieldValuesWriter(FunctionWriter):
    def __init__(self, compile_mapping: MappingCompiler) -> None:
        super().__init__(keep_missing=False, compile_mapping=compile_mapping)
        self.lines += ["values = {}", "errors = []"]

    def write_fields(self, mapping: JSONObject, fields: tuple[ActionField, ...]) -> None:
        fields_by_key = {field.key: field for field in fields}
        for key, field_mapping in mapping.items():
            field = fields_by_key.get(key)
            if field is None:
                self.write_mapping(field_mapping)  # not a field, but a directive in it may fail
            elif (
                field.properties
                and not field.multiple
                and is_object_without_directives(field_mapping)
            ):
                self._write_properties(field_mapping, field)
            else:
                self._write_type_checked_assignment(
                    "values",
                    self.write_mapping(field_mapping),
                    compile_field_reader(field, True, True),
                    True,
                )

    def _write_properties(self, mapping: JSONObject, field: ActionField) -> None:
        readers = {
            property_field.key: compile_field_reader(property_field, True)
            for property_field in field.properties
        }
        target = self.write_assignment("{}")
        for key, property_field in mapping.items():
            value = self.write_mapping(property_field)
            if key in readers:
                self._write_type_checked_assignment(target, value, readers[key], False)
            else:
                self.lines.append(f"if {value} is not MISSING: {target}[{key!r}] = {value}")
        self.lines.append(f"values[{field.key!r}] = {target}")

    def _write_type_checked_assignment(
        self, target: str, variable: str, field_reader: FieldReader, drop_empty_text: bool
    ) -> None:
        key, accepted_types, read = field_reader
        reader = self.bind_object(read)
        names = sorted(accepted_type.__name__ for accepted_type in accepted_types)
        is_accepted = " or ".join(f"type({variable}) is {name}" for name in names) or "False"
        can_be_dropped = drop_empty_text and str in accepted_types
        assignment = f"{target}[{key!r}] = {variable}"
        # Written inline: the usual value costs one check of its type.
        self.lines += [
            f"if {is_accepted}:",
            f'    if {variable} != "": {assignment}' if can_be_dropped else f"    {assignment}",
            f"elif {variable} is not MISSING:",
            f"    read_value = {reader}({variable}, errors)",
            f"    if read_value is not MISSING: {target}[{key!r}] = read_value",
        ]
