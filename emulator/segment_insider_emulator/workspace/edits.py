"""Edits of a workspace's destination and identifiers: a value to write, where, and in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import MAX_DEPTH, measure_nesting_depth, parse_json
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import format_document_path

EditKeys: TypeAlias = tuple[str | int, ...]

MAX_EDIT_KEYS: Final = 100
IDENTIFIER_KEYS: Final[EditKeys] = ("insider", "identifiers")
MAX_EDITS: Final = 50  # of one change
_EDIT_REMEDY: Final = "Load the page again and choose the edit there."


@dataclass(frozen=True, slots=True)
class WorkspaceEdit:
    """A suggested edit of one value in the workspace file.

    Args:
        keys: Keys from the destination on, e.g. ("subscriptions", 3, "settings", "uuid"). An index
            after the last subscription means a new one. IDENTIFIER_KEYS are the account's
            identifiers, which are not in the destination.
        value: The value to write.
        removed_key: A key of the same object to remove, e.g. "giftWrap" for "gift_wrap".
        removed_keys: Keys of a value elsewhere to remove, because it moves; () for none.
    """

    keys: EditKeys
    value: JSON
    removed_key: str | None = None
    removed_keys: EditKeys = ()

    @property
    def adds_subscription(self) -> bool:
        """Return whether the edit adds a new subscription."""
        return len(self.keys) == 2

    @property
    def edits_mapping(self) -> bool:
        """Return whether the edit changes one value of a mapping."""
        return len(self.keys) > 3 and self.keys[2] == "settings"

    @property
    def path(self) -> str:
        """Path of the edited value, e.g. "destination.subscriptions[3].settings.uuid"."""
        if self.keys == IDENTIFIER_KEYS:
            return format_document_path(*self.keys)
        return format_document_path("destination", *self.keys)

    @property
    def removed_path(self) -> str:
        """Path of the value elsewhere that the edit removes; "" for none."""
        return format_document_path("destination", *self.removed_keys) if self.removed_keys else ""

    @property
    def json_text(self) -> str:
        """Return the edit as JSON text, which `parse_workspace_edit` reads."""
        edit = {"keys": self.keys, "value": self.value, "removedKey": self.removed_key}
        moved = {"removedKeys": self.removed_keys} if self.removed_keys else {}
        return orjson.dumps({**edit, **moved}).decode()


def parse_workspace_edit(text: str) -> WorkspaceEdit:
    """Parse the JSON text of an edit.

    Raises: EmulatorError.
    """
    try:
        edit: JSON = parse_json(text.encode())
    except orjson.JSONDecodeError as error:
        raise EmulatorError("the edit is not valid JSON", "edit", _EDIT_REMEDY) from error
    match edit:
        case {"keys": [str(), *_] as keys, "value": value, "removedKey": str() | None as removed}:
            moved = edit.get("removedKeys", [])
            is_path = _is_path(keys) and (not moved or _is_path(moved))
            if is_path and measure_nesting_depth(value) <= MAX_DEPTH:
                return WorkspaceEdit(tuple(keys), value, removed, tuple(moved))
    raise EmulatorError("this is not an edit of a workspace", "edit", _EDIT_REMEDY)


def _is_path(keys: JSON) -> bool:
    return isinstance(keys, list) and len(keys) <= MAX_EDIT_KEYS and all(map(_is_key, keys))


def _is_key(key: JSON) -> bool:
    is_index = isinstance(key, int) and not isinstance(key, bool) and key >= 0
    return isinstance(key, str) or is_index


def apply_workspace_edit(destination: JSONObject, edit: WorkspaceEdit) -> JSONObject:
    """Return a copy of *destination* with an edit applied.

    Raises: EmulatorError, when the destination has no such place.
    """
    try:
        edited = _apply_edit(destination, edit)
        return _remove_value(edited, list(edit.removed_keys)) if edit.removed_keys else edited
    except (LookupError, TypeError, ValueError) as error:
        remedy = "The mapping has changed. Load the page again."
        raise EmulatorError("the workspace has no such place", edit.path, remedy) from error


def _apply_edit(destination: JSONObject, edit: WorkspaceEdit) -> JSONObject:
    first, *other_keys = edit.keys
    if first != "subscriptions":
        return {**destination, **_set_value_at_keys(destination, list(edit.keys), edit)}
    index, *remaining_keys = other_keys  # not all subscriptions at once
    subscriptions = list(destination["subscriptions"])
    if index == len(subscriptions):
        subscriptions.append(edit.value)
    else:
        subscription = _add_catalogue_default(subscriptions[int(index)], remaining_keys[0])
        subscriptions[int(index)] = _set_value_at_keys(subscription, remaining_keys, edit)
    return {**destination, "subscriptions": subscriptions}


def _add_catalogue_default(subscription: JSONObject, key: str | int) -> JSONObject:
    """Write the trigger or mapping out that an edit changes: the file may leave both out."""
    action = ACTIONS[subscription["actionSlug"]]
    defaults: JSONObject = {"settings": action.default_mapping, "trigger": action.trigger}
    return {**({key: defaults[str(key)]} if key in defaults else {}), **subscription}


def _set_value_at_keys(container: JSON, keys: list[str | int], edit: WorkspaceEdit) -> JSON:
    key, *remaining_keys = keys
    value = edit.value
    if isinstance(container, list):
        copy = list(container)
        copy[int(key)] = (
            _set_value_at_keys(copy[int(key)], remaining_keys, edit) if remaining_keys else value
        )
        return copy
    members = dict(container or {})
    members[str(key)] = (
        _set_value_at_keys(members.get(str(key)), remaining_keys, edit) if remaining_keys else value
    )
    if not remaining_keys and edit.removed_key:
        members.pop(edit.removed_key, None)
    return members


def _remove_value(container: JSON, keys: list[str | int]) -> JSONObject:
    """Return a copy of *container* without the member at *keys*; lists keep their items."""
    key, *remaining_keys = keys
    if isinstance(container, list):
        items = list(container)
        items[int(key)] = _remove_value(items[int(key)], remaining_keys)
        return items  # type: ignore[return-value]  # a list only within the destination
    members = dict(container)
    if remaining_keys:
        members[str(key)] = _remove_value(members[str(key)], remaining_keys)
    else:
        del members[str(key)]
    return members


def describe_edit(edit: WorkspaceEdit, destination: JSONObject) -> str:
    """Describe an edit of *destination* in a few words, e.g. "Track Event: set parameters.note"."""
    if edit.keys == IDENTIFIER_KEYS:
        return "Identifiers set"
    if edit.keys == ("enabled",):
        return f"Destination switched {'on' if edit.value else 'off'}"
    subject, *place = _iter_edit_words(edit, destination)
    return f"{subject}: {' '.join(place)}" if place else subject


def _iter_edit_words(edit: WorkspaceEdit, destination: JSONObject) -> Iterator[str]:
    first, *other_keys = edit.keys
    subscriptions = destination["subscriptions"]
    if first != "subscriptions" or not other_keys or not isinstance(other_keys[0], int):
        yield f"Destination: set {format_document_path(*edit.keys)}"
        return
    index, *remaining_keys = other_keys
    if not remaining_keys or int(index) >= len(subscriptions):
        name = edit.value.get("name") if isinstance(edit.value, dict) else None
        yield f"Mapping {name or 'without a name'} added"
        return
    yield str(subscriptions[int(index)].get("name", f"Mapping {int(index) + 1}"))
    match remaining_keys:
        case ["enabled"]:
            yield "switched on" if edit.value else "switched off"
        case ["settings", *keys]:
            yield f"set {format_document_path(*keys)}" if keys else "set the mapping"
        case _:
            yield f"set {format_document_path(*remaining_keys)}"
    if edit.removed_key:
        yield f"and remove {edit.removed_key}"
    if edit.removed_keys:
        yield f"and remove {format_document_path(*edit.removed_keys[3:])}"
