"""Package of Segment's filters between source and destination: they reject or change events."""
