"""Segment's end of the road: what its Tracking API does before a destination sees an event."""
