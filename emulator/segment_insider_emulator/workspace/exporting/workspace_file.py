"""A workspace as a workspace file in which nothing is left to the catalogue, ready to be edited."""

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.exporting import applied
from segment_insider_emulator.workspace.importing.assembling import TEST_ACCOUNT_KEY
from segment_insider_emulator.workspace.importing.writing import format_yaml
from segment_insider_emulator.workspace.model import Workspace

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
    settings = applied.export_destination(workspace, keep_secrets=True)
    subscriptions = [applied.with_defaults(each) for each in own["subscriptions"]]
    whole = {
        **workspace.document,
        "destination": {**own, **settings, "subscriptions": subscriptions},
    }
    if isinstance(whole.get("trackingPlan"), str):
        whole["trackingPlan"] = applied.export_tracking_plan(workspace)
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
