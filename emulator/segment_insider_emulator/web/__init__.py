"""Flask and HTTP: access control, sandboxes, the endpoints of both vendors, and the server."""
