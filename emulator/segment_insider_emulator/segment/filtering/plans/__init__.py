"""Tracking plans (Protocols): rules, what they find, and what is done about it."""
