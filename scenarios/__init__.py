"""Gherkin scenarios for the road from a Segment SDK to Insider One: steps, shoppers, client."""
