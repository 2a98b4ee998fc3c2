"""The emulator's SQL database: messages, deliveries, profiles and journeys.

Only this box uses SQL.
"""
