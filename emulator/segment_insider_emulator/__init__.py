"""A local stand-in for the road an event travels from a Segment SDK to Insider One."""

__version__ = "0.1.0"
