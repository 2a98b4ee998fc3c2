"""Reading of UTF-8 text files, with or without a byte order mark."""

import codecs

from segment_insider_emulator.errors import EmulatorError

UTF8_BOM = codecs.BOM_UTF8
_SAVE_AS_UTF8 = "Save it as UTF-8."
# How many of the first bytes show UTF-16 without a mark: every second one is NUL in plain English.
_SAMPLE_BYTES = 64


def strip_bom(raw: bytes) -> bytes:
    """Return bytes of a file without the byte order mark that Notepad and Excel add."""
    return raw.removeprefix(UTF8_BOM)


def check_utf8_and_strip_bom(raw: bytes, where: str) -> bytes:
    """Check that any input file is UTF-8 and return its bytes without a byte order mark.

    Args:
        raw: The whole file.
        where: Name of the file, for messages.
    Raises: EmulatorError, when it is not UTF-8; it names the encoding or the line.
    """
    decode_utf8(raw, where)
    return strip_bom(raw)


def decode_utf8(raw: bytes, where: str) -> str:
    """Return the text of a UTF-8 file.

    Raises: EmulatorError, as `check_utf8_and_strip_bom` does.
    """
    reject_utf16(raw, where)
    try:
        return strip_bom(raw).decode()
    except UnicodeDecodeError as error:
        line = 1 + error.object.count(b"\n", 0, error.start)
        byte = error.object[error.start]
        what = f"the file is not UTF-8 text (line {line} has the byte 0x{byte:02x})"
        raise EmulatorError(what, where, _SAVE_AS_UTF8) from None


def reject_utf16(first_bytes: bytes, where: str) -> None:
    """Reject a file in UTF-16 or UTF-32, which Windows calls Unicode.

    Args:
        beginning: The file's first bytes.
    Raises: EmulatorError.
    """
    if name := _detect_utf16_or_utf32(first_bytes):
        raise EmulatorError(f"the file is in {name}, not in UTF-8", where, _SAVE_AS_UTF8)


def _detect_utf16_or_utf32(first_bytes: bytes) -> str | None:
    if first_bytes.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if first_bytes.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    first = first_bytes[:_SAMPLE_BYTES]
    wide = len(first) > 3 and any(not any(first[at::2]) for at in (0, 1))
    return "UTF-16" if wide else None
