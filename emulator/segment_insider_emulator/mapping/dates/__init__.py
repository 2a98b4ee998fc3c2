"""Dates as JavaScript reads and counts them."""
