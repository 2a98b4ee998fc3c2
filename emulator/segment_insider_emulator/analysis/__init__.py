"""Checks of workspace files: lint rules, and drift from the guide and from traffic."""
