"""Web pages that show messages, deliveries, profiles, journeys and the workspace."""
