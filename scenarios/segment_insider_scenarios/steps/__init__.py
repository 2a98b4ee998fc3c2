"""Step library, by module; docs/steps.md lists all steps with examples."""

# In the order of docs/steps.md.
THEMES = ("setup", "actions", "deliveries", "profiles", "journeys")
