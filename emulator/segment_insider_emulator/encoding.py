"""Text files that people save: UTF-8, with or without a byte order mark."""

import codecs

from segment_insider_emulator.errors import EmulatorError

BOM = codecs.BOM_UTF8
_SAVE_AS_UTF8 = "Save it as UTF-8."
# How many of the first bytes show UTF-16 without a mark: every second one is NUL in plain English.
_LOOKED_AT = 64


def without_bom(raw: bytes) -> bytes:
    """Return *raw* without the byte order mark that Notepad and Excel put at its beginning."""
    return raw.removeprefix(BOM)


def utf8(raw: bytes, where: str) -> bytes:
    """Return the content of a text file without its byte order mark.

    Args:
        raw: The whole file.
        where: Name of the file, for messages.
    Raises: EmulatorError, when it is not UTF-8; it names the encoding or the line.
    """
    decode(raw, where)
    return without_bom(raw)


def decode(raw: bytes, where: str) -> str:
    """Return the text of a file. Raises: EmulatorError, as `utf8` does."""
    refuse_utf16(raw, where)
    try:
        return without_bom(raw).decode()
    except UnicodeDecodeError as error:
        line = 1 + error.object.count(b"\n", 0, error.start)
        byte = error.object[error.start]
        what = f"the file is not UTF-8 text (line {line} has the byte 0x{byte:02x})"
        raise EmulatorError(what, where, _SAVE_AS_UTF8) from None


def refuse_utf16(beginning: bytes, where: str) -> None:
    """Refuse a file in UTF-16 or UTF-32, which Windows calls Unicode.

    Args:
        beginning: The file's first bytes.
    Raises: EmulatorError.
    """
    if name := _wide_encoding(beginning):
        raise EmulatorError(f"the file is in {name}, not in UTF-8", where, _SAVE_AS_UTF8)


def _wide_encoding(beginning: bytes) -> str | None:
    if beginning.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    first = beginning[:_LOOKED_AT]
    wide = len(first) > 3 and any(not any(first[at::2]) for at in (0, 1))
    return "UTF-16" if wide else None
