"""Filters between a source and a destination that reject or change events, in Segment's order."""
