"""Contract tests: check that events and mappings still give the recorded Insider One requests."""
