"""Search for inputs whose cost grows faster than their size.

    python tests/fuzz/scaling.py --seconds 900          # all, as far as the time goes
    python tests/fuzz/scaling.py --only 'POST /v1/track'

Each place of each input is filled with each shape, at sizes that grow by eight. Eight times the
size may take eight times the CPU time, and not much more: 24 times, when doubling took three times
as long each time. What is that fast that the clock cannot tell is not looked at.
"""

import argparse
import gc
import logging
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

STEP = 8
ALLOWED = 24  # three times for each doubling
FLOOR = 0.05  # seconds of CPU time, below which nothing counts
SHORTEST = 0.002  # seconds that a small input counts as at least: the clock is no finer
SMALLEST, LARGEST = 64, 300_000  # units of a shape
ENOUGH = 1.0  # seconds: an input that takes so long is not grown further
REPEATS = 3

Shape = Callable[[int], bytes]  # JSON of about so many units
Target = Callable[[bytes], object]  # reads JSON


def _texts() -> Iterator[tuple[str, Shape]]:
    units = (
        *(
            "a",
            "A",
            "1",
            "0",
            " ",
            "\n",
            "\t",
            "\r\n",
            "@.",
            "a@b.",
            "a.",
            "a,",
            ".",
            "..",
            "-",
            "_",
        ),
        *(
            "/",
            "//",
            "%",
            "%2",
            "%41",
            "&",
            "a&",
            "=",
            ";",
            ":",
            "::",
            "*",
            "*a",
            "?",
            "!",
            "#",
            "$",
        ),
        *("$.", "(", "()", "[", "[]", "[0]", "{", "{}", "{{", "{{a}}", "{%", "<", "<a>", '"', "'"),
        *("\\", "\\u", "|", "a|", "~", "+", "é", "\u2028", "💥", "aA", "a ", "1 ", "1d ", "not ("),
        *("a and ", "a=1 or ", "<<E\n", "${", "0x", "1e", "- ", "a: ", "&a ", "*a ", "Ada's "),
    )
    for unit in units:
        for tail in ("", "!\n"):
            yield f"text {unit + tail!r}", partial(_repeated, unit, tail)


def _repeated(unit: str, tail: str, count: int) -> bytes:
    return orjson.dumps(unit * count + tail)


def _listed(item: bytes, count: int) -> bytes:
    return b"[" + b",".join([item] * count) + b"]"


def _values() -> Iterator[tuple[str, Shape]]:
    items = (b"1", b'"a"', b"null", b"{}", b"[]", b'{"a":1}', b'{"id":"a","name":"b"}')
    for item in items:
        yield f"list of {item.decode()}", partial(_listed, item)
    yield "list of numbers", lambda n: orjson.dumps(list(range(n)))
    yield "list of names", lambda n: orjson.dumps([f"k{at}" for at in range(n)])
    yield "keys", lambda n: orjson.dumps({f"k{at}": at for at in range(n)})
    yield "long keys", lambda n: orjson.dumps({f"{'k' * 40}{at}": {} for at in range(n)})
    yield "one key again and again", lambda n: b"{" + b",".join([b'"a":1'] * n) + b"}"
    yield "one long key", lambda n: orjson.dumps({"k" * n: 1})
    yield "keys with dots", lambda n: orjson.dumps({f"a.{at}.b": at for at in range(n)})
    yield "nested lists", lambda n: b"[" * n + b"]" * n
    yield "nested objects", lambda n: b'{"a":' * n + b"1" + b"}" * n
    yield "digits", lambda n: b"9" * n
    yield "decimals", lambda n: b"0." + b"3" * n
    yield "exponent", lambda n: b"1e" + b"9" * n


SHAPES: Mapping[str, Shape] = {**dict(_texts()), **dict(_values())}


@dataclass(frozen=True, slots=True)
class Growth:
    """A target that takes too long on a shape: seconds of two sizes."""

    target: str
    shape: str
    size: int
    seconds: tuple[float, float]

    def __str__(self) -> str:
        small, large = self.seconds
        return (
            f"{self.target}: {self.shape}: {self.size} units {small * 1000:.1f} ms, "
            f"{self.size * STEP} units {large * 1000:.1f} ms"
        )


def growth(name: str, target: Target, shape: str, largest: int = LARGEST) -> Growth | None:
    """Try *target* on *shape* at growing sizes; the first pair that differs by too much."""
    size, before = SMALLEST, cost(target, SHAPES[shape](SMALLEST))
    while size * STEP <= largest and before < ENOUGH:
        large = SHAPES[shape](size * STEP)
        after = cost(target, large)
        if _is_too_much(before, after):
            # A machine that is busy with something else is asked once more.
            before = cost(target, SHAPES[shape](size))
            after = min(after, cost(target, large))
        if _is_too_much(before, after):
            return Growth(name, shape, size, (before, after))
        size, before = size * STEP, after
    return None


def cost(target: Target, given: bytes) -> float:
    """The least of some measures of the CPU time that *target* takes; one, if it is short.

    The garbage collector waits: it looks at all that is loaded, and comes with large inputs only.
    """
    measures: list[float] = []
    gc.disable()
    while not measures or (len(measures) < REPEATS and FLOOR < min(measures) < ENOUGH):
        begun = time.process_time()
        target(given)
        measures.append(time.process_time() - begun)
    gc.enable()
    return min(measures)


def _is_too_much(before: float, after: float) -> bool:
    return after > FLOOR and after > ALLOWED * max(before, SHORTEST)


def main() -> int:
    from scaling_targets import targets

    logging.disable()
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=900)
    options.add_argument("--only", default="")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--largest", type=int, default=LARGEST, help="units of a shape")
    given: Any = options.parse_args()
    pairs = [
        (name, target, shape)
        for name, target in targets().items()
        if given.only in name
        for shape in SHAPES
    ]
    random.Random(given.seed).shuffle(pairs)
    end = time.monotonic() + given.seconds
    tried = found = 0
    for name, target, shape in pairs:
        if time.monotonic() > end:
            break
        tried += 1
        if worse := growth(name, target, shape, given.largest):
            found += 1
            print(worse, flush=True)  # noqa: T201  # a report to read
    print(f"{tried} of {len(pairs)} pairs tried, {found} grow too fast")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
