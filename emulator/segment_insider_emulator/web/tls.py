"""TLS of the server: the user's own certificate, or one from a local certificate authority.

The authority is made once for each cache folder, so that people have to trust it once. Certificates
are made at each start, and only in memory.
"""

import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from segment_insider_emulator.config import INSIDER_ONE_HOSTS, SEGMENT_HOSTS, Config
from segment_insider_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from trustme import CA

# What apps on this machine call it; 10.0.2.2 is this machine for Android's emulator.
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1", "10.0.2.2")
_WILDCARD_HOSTS: Final = ("0.0.0.0", "::", "")  # compared, not bound
# Apple's systems refuse certificates that are valid for more than 825 days.
_VALID_FOR: Final = timedelta(days=397)
_CERTIFICATE_FILE, _KEY_FILE = "ca.pem", "ca-key.pem"


def create_tls_context(config: Config) -> ssl.SSLContext | None:
    """Create the server's TLS context; None without TLS.

    Raises: EmulatorError, when a file cannot be used, or the extra `tls` is not installed.
    """
    if config.tls_cert or config.tls_key:
        return _load_own_certificate(config.tls_cert, config.tls_key)
    if not config.tls:
        return None
    authority = _load_or_create_authority(Path(config.cache).expanduser())
    now = datetime.now(UTC)
    certificate = authority.issue_cert(
        *list_certificate_names(config),
        not_before=now - timedelta(days=1),
        not_after=now + _VALID_FOR,
    )
    context = _create_server_context()
    certificate.configure_cert(context)
    return context


def find_authority_certificate(cache: str) -> Path:
    """Return the path of the local authority's certificate, which is made if it is missing.

    Raises: EmulatorError, when it cannot be made.
    """
    folder = Path(cache).expanduser()
    _load_or_create_authority(folder)
    return folder / "tls" / _CERTIFICATE_FILE


def list_certificate_names(config: Config) -> list[str]:
    """Return the names and addresses that the certificate is valid for.

    Among them are the hosts that apps send to in production: a test can lead them to the emulator.
    """
    public_host = urlsplit(config.public_url or "").hostname
    names = [*_LOCAL_NAMES, socket.gethostname().lower(), config.host.lower(), public_host or ""]
    names += [*config.allowed_hosts, *SEGMENT_HOSTS, *INSIDER_ONE_HOSTS]
    # A name with "_", such as Docker's, has no place in a certificate.
    usable = [name for name in names if name not in _WILDCARD_HOSTS and "_" not in name]
    return list(dict.fromkeys(usable))


def _load_own_certificate(certificate: str | None, key: str | None) -> ssl.SSLContext:
    if not certificate or not key:
        given, missing = ("--tls-cert", "--tls-key") if certificate else ("--tls-key", "--tls-cert")
        raise EmulatorError(f"{given} needs {missing}", given, f"Give {missing} FILE, too.")
    for path, option in ((certificate, "--tls-cert"), (key, "--tls-key")):
        if not os.access(path, os.R_OK):
            what = "this file cannot be read"
            raise EmulatorError(what, path, f"Name a file in PEM with {option}.")
    context = _create_server_context()
    try:
        # A password cannot be typed into a server, so an encrypted key is an error.
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError) as error:
        what = "this certificate and its key cannot be used"
        remedy = "Give both in PEM, the key without a password, and belonging to the certificate."
        raise EmulatorError(what, f"{certificate}, {key}", remedy) from error
    return context


def _create_server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load_or_create_authority(cache: Path) -> "CA":
    try:
        from trustme import CA
    except ImportError as error:
        what = "a certificate cannot be made without the extra `tls`"
        remedy = (
            "Install it: pip install 'segment-insider-emulator[tls]'. Or name your own certificate "
            "with --tls-cert and --tls-key."
        )
        raise EmulatorError(what, "--tls", remedy) from error
    folder = cache / "tls"
    try:
        if not folder.exists():
            _write_authority(CA(organization_name="Segment-Insider emulator, this machine"), folder)
        return CA.from_pem(
            (folder / _CERTIFICATE_FILE).read_bytes(), (folder / _KEY_FILE).read_bytes()
        )
    except (OSError, ValueError) as error:
        what = "the local certificate authority cannot be read or made"
        remedy = "Delete this folder, or choose another cache folder with --cache."
        raise EmulatorError(what, str(folder), remedy) from error


def _write_authority(authority: "CA", folder: Path) -> None:
    """Write the authority completely or not at all, also if two emulators start at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(mkdtemp(prefix="tls-", dir=folder.parent))  # only this user can read it
    authority.cert_pem.write_to_path(temporary / _CERTIFICATE_FILE)
    authority.private_key_pem.write_to_path(temporary / _KEY_FILE)
    (temporary / _KEY_FILE).chmod(0o600)
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        for file in temporary.iterdir():
            file.unlink()
        temporary.rmdir()
