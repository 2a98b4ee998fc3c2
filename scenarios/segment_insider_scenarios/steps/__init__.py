"""The steps, by theme. Each has its example in docs/scenarios.md."""

# In the order in which they are listed.
THEMES = (
    "setup",
    "actions",
    "deliveries",
    "profiles",
    "journeys",
)
