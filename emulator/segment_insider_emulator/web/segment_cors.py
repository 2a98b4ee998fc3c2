"""CORS: let browsers call Segment's endpoints from pages of any origin."""

from flask import Response, request


def answer_preflight() -> Response | None:
    """Answer a CORS preflight request, on every path."""
    return Response(status=204) if request.method == "OPTIONS" else None


def add_cors_headers(response: Response) -> Response:
    """Add CORS headers: allow every origin and expose Retry-After.

    The headers are named one by one: the wildcard does not cover Authorization.
    """
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "*")
    headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, X-Retry-Count"
    headers["Access-Control-Expose-Headers"] = "Retry-After"
    if "Origin" in request.headers:
        headers["Access-Control-Allow-Credentials"] = "true"
        headers.add("Vary", "Origin")
    return response
