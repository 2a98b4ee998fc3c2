"""Package of deliveries to Insider One: filters, planned requests, retries and results."""
