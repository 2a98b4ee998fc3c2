"""The steps, by theme. Each has its example in docs/scenarios.md."""
