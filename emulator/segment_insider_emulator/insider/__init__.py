"""Package of the emulated Insider One API: upserts, validation, identity, profiles and journeys."""
