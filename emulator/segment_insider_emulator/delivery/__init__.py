"""Deliver events to Insider One: filters, planned requests, retries and results."""
