"""Local emulator of Segment and Insider One, for testing the way of an event between them."""

__version__ = "0.1.0"
