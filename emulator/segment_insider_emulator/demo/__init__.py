"""The demo: a shopper's day, and what Insider One receives from it."""
