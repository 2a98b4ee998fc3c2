"""Step library, by module; docs/steps.md lists all steps with examples."""

# In the order of docs/steps.md.
THEMES = ("setup", "actions", "deliveries", "profiles", "journeys")

STEP_PACKAGE = "segment_insider_scenarios.steps."
# Steps before the Then that change nothing in the sandbox.
PREPARATION_STEPS = (
    "uses_workspace",
    "person_shops",
    "person_shops_in_locale",
    "person_has_details",
    "person_has_not_signed_in",
    "person_uses_device",
    "name_is_correct",
    "mapping_has_trigger",
    "mapping_has_fields",
    "has_role",
    "order_has_details",
    "clock_stands_at",
)
# Modules whose Then steps could pass although nothing has happened...
CLAIM_STEP_MODULES = ("deliveries", "profiles", "journeys")
# ... except these, which need a call.
CALL_RESULT_STEPS = ("call_ends_as", "call_ends_as_because", "no_mapping_reads")
