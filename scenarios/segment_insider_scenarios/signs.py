"""Signs that word processors and chats put in place of those that a step has."""

import re
import unicodedata
from collections.abc import Callable, Iterable

# Sign that a step has -> those that are taken for it.
_LOOKALIKE_CHARACTERS = {
    '"': "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u301d\u301e\uff02",
    "'": "\u2018\u2019\u201a\u201b\u2032\u00b4`\uff07",
    " ": "\t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))),
    ":": "\uff1a\ua789\u2236",
    ",": "\uff0c\u201a",
    "": "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad",
}
_INTENDED_CHARACTER = {
    other: sign for sign, others in _LOOKALIKE_CHARACTERS.items() for other in others
}
_CHARACTER_HINTS = {'"': 'Write " there.', " ": "Write a blank there.", "": "Remove it."}
# What else a text may have: how it is put right, and what to say.
_PUNCTUATION_CORRECTIONS: tuple[tuple[Callable[[str], str], str], ...] = (
    (lambda text: text.replace("'", '"'), 'It has single quotes. Write " around the text.'),
    (lambda text: re.sub(" {2,}", " ", text), "It has several blanks in a row. Write one."),
    (lambda text: text.rstrip(".;,!"), "It ends in a sign too many. Remove that."),
    (lambda text: text.rstrip(": ") + ":", "Write a colon at its end: a table or a text follows."),
    (lambda text: text.rstrip(": "), "It takes nothing below it. Remove the colon at its end."),
    (lambda text: unicodedata.normalize("NFC", text), "Type its accented letters anew."),
)  # fmt: skip


def correct_punctuation(text: str, is_step: Callable[[str], bool]) -> tuple[str, str] | None:
    """Find the step that differs from *text* by its signs alone.

    Args:
        known: Whether there is a step of that text.
    Returns: Its text, and a sentence on each sign; None when there is no such step.
    """
    plain = "".join(_INTENDED_CHARACTER.get(sign, sign) for sign in text)
    sentences = list(_describe_wrong_characters(text))
    if sentences and is_step(plain):
        return plain, " ".join(sentences)
    for correct, sentence in _PUNCTUATION_CORRECTIONS:
        corrected = correct(plain)
        if corrected != plain and is_step(corrected):
            return corrected, " ".join([*sentences, sentence])
    return None


def _describe_wrong_characters(text: str) -> Iterable[str]:
    for sign in dict.fromkeys(each for each in text if each in _INTENDED_CHARACTER):
        name = unicodedata.name(sign, "a tabulator").lower()
        description = f"{sign} ({name})" if sign.isprintable() else name
        write = _CHARACTER_HINTS.get(
            _INTENDED_CHARACTER[sign], f"Write {_INTENDED_CHARACTER[sign]} there."
        )
        yield f"Column {text.index(sign) + 1} has {description}. {write}"
