"""The emulated Insider One API: upserts, validation, identity, profiles, panel and journeys."""
