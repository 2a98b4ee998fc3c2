"""Fuzz one parser with libFuzzer until an error is found or the time is over.

The first word is one of TARGETS; what follows is libFuzzer's. A text that takes longer than five
seconds, or one gigabyte, counts as a fault.
"""

import sys

import atheris

with atheris.instrument_imports(include=["segment_insider_emulator"]):
    from parser_targets import TARGETS, WORDS

LIBFUZZER_OPTIONS = ("-timeout=60", "-rss_limit_mb=1024", "-max_len=2000", "-len_control=0")


def main() -> None:
    name, *options = sys.argv[1:]
    target, words = TARGETS[name], WORDS[name]

    def one(given: bytes) -> None:
        """Half of the inputs are text as it is, half of them pick words."""
        bits = atheris.FuzzedDataProvider(given)
        if bits.ConsumeBool():
            text = bits.ConsumeUnicodeNoSurrogates(2000)
        else:
            text = "".join(words[each % len(words)] for each in bits.ConsumeBytes(300))
        target(text)

    atheris.Setup([sys.argv[0], *LIBFUZZER_OPTIONS, *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
