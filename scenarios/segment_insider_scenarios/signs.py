"""Signs that word processors and chats put in place of those that a step has."""

import re
import unicodedata
from collections.abc import Callable, Iterable

# Sign that a step has -> those that are taken for it.
_TAKEN_FOR = {
    '"': "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u301d\u301e\uff02",
    "'": "\u2018\u2019\u201a\u201b\u2032\u00b4`\uff07",
    " ": "\t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))),
    ":": "\uff1a\ua789\u2236",
    ",": "\uff0c\u201a",
    "": "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad",
}
_MEANT = {other: sign for sign, others in _TAKEN_FOR.items() for other in others}
_WRITE = {'"': 'Write " there.', " ": "Write a blank there.", "": "Remove it."}
# What else a text may have: how it is put right, and what to say.
_SLIPS: tuple[tuple[Callable[[str], str], str], ...] = (
    (lambda text: text.replace("'", '"'), 'It has single quotes. Write " around the text.'),
    (lambda text: re.sub(" {2,}", " ", text), "It has several blanks in a row. Write one."),
    (lambda text: text.rstrip(".;,!"), "It ends in a sign too many. Remove that."),
    (lambda text: text.rstrip(": ") + ":", "Write a colon at its end: a table or a text follows."),
    (lambda text: text.rstrip(": "), "It takes nothing below it. Remove the colon at its end."),
    (lambda text: unicodedata.normalize("NFC", text), "Type its accented letters anew."),
)  # fmt: skip


def put_right(text: str, known: Callable[[str], bool]) -> tuple[str, str] | None:
    """Find the step that differs from *text* by its signs alone.

    Args:
        known: Whether there is a step of that text.
    Returns: Its text, and a sentence on each sign; None when there is no such step.
    """
    plain = "".join(_MEANT.get(sign, sign) for sign in text)
    said = list(_sentences(text))
    if said and known(plain):
        return plain, " ".join(said)
    for correct, sentence in _SLIPS:
        corrected = correct(plain)
        if corrected != plain and known(corrected):
            return corrected, " ".join([*said, sentence])
    return None


def _sentences(text: str) -> Iterable[str]:
    for sign in dict.fromkeys(each for each in text if each in _MEANT):
        name = unicodedata.name(sign, "a tabulator").lower()
        shown = f"{sign} ({name})" if sign.isprintable() else name
        write = _WRITE.get(_MEANT[sign], f"Write {_MEANT[sign]} there.")
        yield f"Column {text.index(sign) + 1} has {shown}. {write}"
