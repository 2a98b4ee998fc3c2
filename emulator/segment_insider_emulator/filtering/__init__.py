"""What may stop or change an event between the source and a destination, in Segment's order."""
