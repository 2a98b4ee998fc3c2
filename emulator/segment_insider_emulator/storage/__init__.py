"""What happened, durable and searchable. The only part that knows SQL."""
