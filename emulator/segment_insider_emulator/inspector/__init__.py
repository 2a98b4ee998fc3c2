"""Inspector: web pages of the emulator that show messages, deliveries, profiles and journeys."""
