"""Contract cases: these events, with this subscription, must make these Insider One requests."""
