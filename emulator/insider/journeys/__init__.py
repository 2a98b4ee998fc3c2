"""Journeys: a small model of Insider One's Architect, on the emulator's own clock.

What of Architect is modelled, and what is assumed about it, stands in docs/journeys.md.
"""
