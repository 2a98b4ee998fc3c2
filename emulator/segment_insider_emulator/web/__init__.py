"""Flask: access control, sandboxes, the HTTP endpoints of both vendors, and the server."""
