"""What came of scenarios, in the forms that other programs and people read."""
