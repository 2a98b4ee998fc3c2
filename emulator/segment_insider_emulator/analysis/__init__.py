"""Checks of workspace files: lint rules, and drift from Insider One's guide and from traffic."""
