"""The steps, by theme. Each has its example in docs/scenarios.md."""

# In the order in which they are listed.
THEMES = (
    "people",
    "connecting",
    "mappings",
    "shopping",
    "calling",
    "time",
    "faults",
    "received",
    "requests",
    "known",
    "journeys",
    "outcomes",
)
