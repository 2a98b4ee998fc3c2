"""Library of Gherkin steps, by module; docs/steps.md lists all steps with examples."""

# In the order of docs/steps.md.
THEMES = ("setup", "actions", "deliveries", "profiles", "journeys")

STEP_PACKAGE = "segment_insider_scenarios.steps."
# Steps before the Then that change nothing in the sandbox.
PREPARATION_STEPS = (
    "uses_workspace",
    "introduces_shopper",
    "introduces_shopper_in_locale",
    "sets_person_details",
    "makes_person_anonymous",
    "switches_person_device",
    "sets_call_context",
    "clears_call_context",
    "confirms_name_spelling",
    "accepts_consent_categories",
    "refuses_consent_categories",
    "sets_consent_categories",
    "renames_event",
    "renames_properties",
    "adds_transformation",
    "adds_insert_function",
    "adds_source_function",
    "sets_mapping_trigger",
    "sets_mapping_fields",
    "sets_person_role",
    "sets_order_details",
    "sets_clock",
)
# Modules whose Then steps could pass although nothing has happened...
CLAIM_STEP_MODULES = ("deliveries", "profiles", "journeys")
# ... except these, which need a call.
CALL_RESULT_STEPS = (
    "call_has_verdict",
    "call_has_verdict_and_reason",
    "no_mapping_reads_exactly_paths",
)
