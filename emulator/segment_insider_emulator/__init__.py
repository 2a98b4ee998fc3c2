"""Local emulator of Segment and Insider One, for testing the way of an event between them."""

import logging

__version__ = "0.1.0"

# A program that sets up no logging, such as `emulator map`, prints its own messages alone.
logging.getLogger(__name__).addHandler(logging.NullHandler())
