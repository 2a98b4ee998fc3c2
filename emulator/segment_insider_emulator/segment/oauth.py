"""OAuth 2.0 of Segment: exchange of a signed assertion for a bearer token, and its check.

Everything here uses the machine's clock, never a sandbox's: SDKs sign with the Date of an answer.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.segment.validation import IngestError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.model import OAuthApplication

TOKEN_LIFETIME_S: Final = 3600  # seconds; both SDKs ask again after half of it
TRACKING_SCOPE: Final = "tracking_api:write"
REQUIRED_FORM_FIELDS: Final = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
}
REQUIRED_CLAIMS: Final = ["iss", "sub", "iat", "exp", "jti"]
UNAUTHORISED_CODE: Final = "unauthorized"


class TokenRequestRejected(EmulatorError):
    """Error when a request for an OAuth token is rejected.

    Args:
        status: HTTP status.
        error: The code, e.g. "invalid_client". The Python SDK needs it and a description.
    """

    def __init__(self, status: int, error: str, what: str, where: str, remedy: str = "") -> None:
        super().__init__(what, where, remedy)
        self.status = status
        self.error = error


class TokenIssuer:
    """Issues OAuth bearer tokens and verifies them, also after a restart.

    Args:
        secret: What tokens are signed with; the same for the life of a workspace.
        oauth: The application; None takes any assertion and any bearer.
    Raises: EmulatorError, when its public key cannot be used.
    """

    def __init__(self, secret: str, application: OAuthApplication | None) -> None:
        self._secret = hashlib.sha256(f"oauth {secret}".encode()).digest()
        self._application = application
        if application:
            _check_public_key(application.public_key)

    def exchange_assertion(self, form: Mapping[str, str], now: float) -> JSONObject:
        """Return a bearer token for the signed OAuth assertion in *form*.

        Args:
            now: Seconds since 1970.
        Returns: {"access_token", "expires_in", "token_type"}; expires_in is a number, because the
            Node SDK asks again for ever when it is text. (observed)
        Raises: TokenRefused.
        Source: Segment, "OAuth 2.0"; the Python and Node SDKs.
        """
        for name, value in REQUIRED_FORM_FIELDS.items():
            if form.get(name) != value:
                what = f"{name} is not {value!r}"
                raise TokenRequestRejected(400, "invalid_request", what, name, f"Send {value}.")
        if form.get("scope") not in (None, TRACKING_SCOPE):
            remedy = f"Ask for {TRACKING_SCOPE}, or leave it out."
            raise TokenRequestRejected(
                400, "invalid_scope", "this scope is not given", "scope", remedy
            )
        assertion = form.get("client_assertion")
        if not assertion:
            remedy = "Send the signed assertion."
            raise TokenRequestRejected(
                400, "invalid_request", "it is missing", "client_assertion", remedy
            )
        if self._application:
            _verify_assertion(assertion, self._application)
        expiry = str(int(now) + TOKEN_LIFETIME_S)
        token = f"{expiry}.{self._sign_token_expiry(expiry)}"
        return {"access_token": token, "expires_in": TOKEN_LIFETIME_S, "token_type": "Bearer"}

    def check_authorization(self, authorization: str | None, now: float) -> None:
        """Reject a Segment call with a bearer token from elsewhere, if OAuth is configured.

        A call without a bearer passes: that Segment can insist on one is a setting of the source,
        and is not imitated. The answer to a bad one is assumed; both SDKs then ask for another
        token, but lose the batch. (observed)
        Raises: IngestError.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if self._application is None or scheme.lower() != "bearer":
            return
        expiry, _, signature = token.strip().partition(".")
        genuine = hmac.compare_digest(signature.encode(), self._sign_token_expiry(expiry).encode())
        if not genuine:
            raise _build_unauthorised_error("this token was not issued here")
        if int(expiry) <= now:
            raise _build_unauthorised_error("this token has expired")

    def _sign_token_expiry(self, expiry: str) -> str:
        return hmac.new(self._secret, expiry.encode(), "sha256").hexdigest()


def _build_unauthorised_error(what: str) -> IngestError:
    remedy = "Ask for a token with POST /token."
    return IngestError(401, UNAUTHORISED_CODE, UNAUTHORISED_CODE, what, "Authorization", remedy)


def _check_public_key(public_key: str) -> None:
    try:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from jwt import InvalidKeyError
        from jwt.algorithms import RSAAlgorithm
    except ImportError as error:
        remedy = "Install segment-insider-emulator[oauth], or leave oauth out of the workspace."
        raise EmulatorError("assertions cannot be checked here", "oauth", remedy) from error
    remedy = "Give an RSA key from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----."
    try:
        key = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(public_key)
    except (InvalidKeyError, ValueError, TypeError) as error:
        raise EmulatorError("this is no public key", "oauth.publicKey", remedy) from error
    if not isinstance(key, RSAPublicKey):
        raise EmulatorError("this is a private key", "oauth.publicKey", remedy)


def _verify_assertion(assertion: str, application: OAuthApplication) -> None:
    # Imported here because only a workspace with oauth needs the package.
    import jwt

    try:
        claims: JSON = jwt.decode(
            assertion,
            application.public_key,
            algorithms=["RS256"],
            # The audience is the server's URL as the app knows it, which is unknown here.
            options={"require": REQUIRED_CLAIMS, "verify_aud": False},
        )
    except jwt.ExpiredSignatureError as error:
        # These two texts make the Python SDK set its clock by our Date and try again. (observed)
        raise _build_invalid_time_error("Token is expired") from error
    except jwt.ImmatureSignatureError as error:
        raise _build_invalid_time_error("Token used before issued") from error
    except jwt.PyJWTError as error:
        raise _build_invalid_client_error(str(error)) from error
    if claims["sub"] != application.client_id:
        raise _build_invalid_client_error("its subject is not the clientId of the workspace")


def _build_invalid_time_error(what: str) -> TokenRequestRejected:
    return TokenRequestRejected(400, "invalid_request", what, "client_assertion")


def _build_invalid_client_error(what: str) -> TokenRequestRejected:
    remedy = "Sign with the private key of the workspace's oauth.publicKey, with RS256."
    return TokenRequestRejected(401, "invalid_client", what, "client_assertion", remedy)
