"""Database of captured messages, deliveries, profiles and journeys; only this box uses SQL."""
