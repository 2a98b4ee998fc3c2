"""What every page tells the browser not to do with it."""

from flask import Response

# No inline script or style anywhere: text that was captured cannot become either.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": a form would then be sent with "Origin: null", and refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def add_security_headers(response: Response) -> Response:
    """Add HEADERS to *answer*; what is not a file of ours is kept by no cache."""
    response.headers.extend(SECURITY_HEADERS)
    if not response.cache_control.max_age:
        response.cache_control.no_store = True
    return response
