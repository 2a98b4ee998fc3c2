"""Carrying an event to Insider One: which subscriptions, what went out, what came back."""
