"""The demonstration: a shopper's day, and what Insider One makes of it."""
