"""Journeys: a small model of Insider One's Architect, on the emulator's own clock.

docs/journeys.md says what of Architect is modelled, docs/assumptions.md what is assumed about it.
"""
