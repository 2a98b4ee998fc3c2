"""Search for inputs that cost more time than their size explains.

Each place of each input is filled with each shape, at sizes that grow by eight. Eight times the
size may take eight times the CPU time, and not much more: 24 times, when doubling took three times
as long each time. Costs that are too small for the clock are not compared.

Places with values that the same code reads are one kind of input. First, each kind meets each shape
once, at one of its places; then come all the other pairs of a place and a shape, larger. Each pair
is tried in another process, which is ended when the pair takes too long: that is found, too.
"""

import argparse
import gc
import logging
import multiprocessing
import random
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import orjson

SIZE_FACTOR = 8
MAX_COST_FACTOR = 24  # three times for each doubling
MIN_COST_S = 0.05  # seconds of CPU time, below which nothing counts
CLOCK_RESOLUTION_S = 0.002  # seconds that a small input counts as at least: the clock is no finer
SMALLEST_SIZE, LARGEST_SIZE = 64, 300_000  # units of a shape
MAX_COST_S = 1.0  # seconds: an input that takes so long is not grown further
MAX_REPEATS = 3
FIRST_ROUND_LARGEST_SIZE = 33_000  # units, while not every kind has met every shape
CPU_TIMEOUT_S = 20  # seconds of CPU time that a pair may take
RESULT_TIMEOUT_S = 120.0  # seconds that it may take of a busy machine, or wait

Shape = Callable[[int], bytes]  # JSON of about so many units
Target = Callable[[bytes], object]  # reads JSON


def _iter_text_shapes() -> Iterator[tuple[str, Shape]]:
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
            yield f"text {unit + tail!r}", partial(_repeat_text, unit, tail)


def _repeat_text(unit: str, tail: str, count: int) -> bytes:
    return orjson.dumps(unit * count + tail)


def _repeat_item(item: bytes, count: int) -> bytes:
    return b"[" + b",".join([item] * count) + b"]"


def _iter_value_shapes() -> Iterator[tuple[str, Shape]]:
    items = (b"1", b'"a"', b"null", b"{}", b"[]", b'{"a":1}', b'{"id":"a","name":"b"}')
    for item in items:
        yield f"list of {item.decode()}", partial(_repeat_item, item)
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


SHAPES: Mapping[str, Shape] = {**dict(_iter_text_shapes()), **dict(_iter_value_shapes())}


class TargetShapePair(NamedTuple):
    """A target and a shape to try, by name, and the largest size."""

    target: str
    shape: str
    largest: int


@dataclass(frozen=True, slots=True)
class CostGrowth:
    """A target with a cost that grows too fast on a shape: seconds at two sizes."""

    target: str
    shape: str
    size: int
    seconds: tuple[float, float]

    def __str__(self) -> str:
        small, large = self.seconds
        return (
            f"{self.target}: {self.shape}: {self.size} units {small * 1000:.1f} ms, "
            f"{self.size * SIZE_FACTOR} units {large * 1000:.1f} ms"
        )


def find_cost_growth(
    name: str, target: Target, shape: str, largest: int = LARGEST_SIZE
) -> CostGrowth | None:
    """Try *target* on *shape* at growing sizes; return the first growth that is too fast."""
    size, before = SMALLEST_SIZE, measure_cost(target, SHAPES[shape](SMALLEST_SIZE))
    while size * SIZE_FACTOR <= largest and before < MAX_COST_S:
        large = SHAPES[shape](size * SIZE_FACTOR)
        after = measure_cost(target, large)
        if _is_too_much(before, after):
            # A machine that is busy with something else is asked once more.
            # It may take longer than the first time, not shorter: it may be remembered.
            before = max(before, measure_cost(target, SHAPES[shape](size)))
            after = min(after, measure_cost(target, large))
        if _is_too_much(before, after):
            return CostGrowth(name, shape, size, (before, after))
        size, before = size * SIZE_FACTOR, after
    return None


def measure_cost(target: Target, value: bytes) -> float:
    """Return the least CPU time of some calls of *target*; of one call, if it is short.

    The garbage collector waits: it looks at all that is loaded, and comes with large inputs only.
    """
    measures: list[float] = []
    gc.disable()
    while not measures or (len(measures) < MAX_REPEATS and MIN_COST_S < min(measures) < MAX_COST_S):
        started_at = time.process_time()
        target(value)
        measures.append(time.process_time() - started_at)
    gc.enable()
    return min(measures)


def _is_too_much(before: float, after: float) -> bool:
    return after > MIN_COST_S and after > MAX_COST_FACTOR * max(before, CLOCK_RESOLUTION_S)


class PairRunner:
    """Runs pairs in a child process, which is killed when a pair does not end.

    Args:
        make: Gives the targets by their names; called in that process.
        longest: Seconds of CPU time that a pair may take.
        patience: Seconds that it may take in all.
    """

    def __init__(
        self,
        make: Callable[[], Mapping[str, Target]],
        longest: int = CPU_TIMEOUT_S,
        patience: float = RESULT_TIMEOUT_S,
    ) -> None:
        self._serve = partial(_try_pairs, make, longest)
        self._patience = patience
        self._start()

    def find_error(self, pair: TargetShapePair) -> str | None:
        """Run *pair* and return its error, or None."""
        self._ours.send(pair)
        try:
            result: str | None
            result = self._ours.recv() if self._ours.poll(self._patience) else None
            if result is not None:
                return result or None
        except EOFError:
            pass
        self.close()
        self._start()
        return f"{pair.target}: {pair.shape}: does not end, at most {pair.largest} units"

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()

    def _start(self) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        # Forked: a child reads the pipe's other end alone, and makes its own targets.
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=self._serve, args=(theirs, self._ours), daemon=True)
        self._process.start()
        theirs.close()
        self._ours.recv()  # it has its targets


def _try_pairs(
    make: Callable[[], Mapping[str, Target]], longest: int, pipe: Connection, other_end: Connection
) -> None:
    other_end.close()
    targets = make()
    pipe.send("")
    while True:
        pair = pipe.recv()
        signal.setitimer(signal.ITIMER_PROF, longest)  # its signal ends the process
        try:
            growth = find_cost_growth(pair.target, targets[pair.target], pair.shape, pair.largest)
            result = str(growth or "")
        except Exception as error:  # noqa: BLE001  # found, whatever it is
            result = f"{pair.target}: {pair.shape}: raises {error!r:.200}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        pipe.send(result)


def order_pairs(
    names: Mapping[str, str], seed: int, largest: int
) -> tuple[list[TargetShapePair], list[TargetShapePair]]:
    """Return each kind with each unit of a shape once, and all other pairs.

    The kinds take turns, so that each has met some shapes whenever the time is over.

    Args:
        names: Of targets -> the kind of each, the riskiest first.
    """
    draw = random.Random(seed)
    kinds: dict[str, list[str]] = {}
    for name, kind in names.items():
        kinds.setdefault(kind, []).append(name)
    units: dict[str, list[str]] = {}
    for shape in SHAPES:
        units.setdefault(shape.replace("!\\n", ""), []).append(shape)
    columns = [draw.sample(sorted(units), len(units)) for _ in kinds]
    first = [
        TargetShapePair(
            draw.choice(alike), draw.choice(units[unit]), min(FIRST_ROUND_LARGEST_SIZE, largest)
        )
        for row in zip(*columns, strict=True)
        for alike, unit in zip(kinds.values(), row, strict=True)
    ]
    tried = {(each.target, each.shape) for each in first}
    rest = [
        TargetShapePair(name, shape, largest)
        for name in names
        for shape in SHAPES
        if (name, shape) not in tried
    ]
    draw.shuffle(rest)
    return first, rest


def main() -> int:
    from scaling_targets import get_kind, make_targets

    logging.disable()
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=900)
    options.add_argument("--only", default="")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--largest", type=int, default=LARGEST_SIZE, help="units of a shape")
    given: Any = options.parse_args()
    names = {name: get_kind(name) for name in make_targets() if given.only in name}
    first, rest = order_pairs(names, given.seed, given.largest)
    end = time.monotonic() + given.seconds
    trials, found = PairRunner(make_targets), 0
    for pairs, what in ((first, "pairs of a kind and a shape"), (rest, "other pairs")):
        tried, wrong = _run_pairs(trials, pairs, end)
        found += wrong
        print(f"{tried} of {len(pairs)} {what} tried, {wrong} wrong", flush=True)  # noqa: T201
    trials.close()
    return 1 if found else 0


def _run_pairs(trials: PairRunner, pairs: Iterable[TargetShapePair], end: float) -> tuple[int, int]:
    """Run *pairs* until *end*; return how many ran and how many failed."""
    tried = wrong = 0
    for pair in pairs:
        if time.monotonic() > end:
            break
        tried += 1
        if what := trials.find_error(pair):
            wrong += 1
            print(what, flush=True)  # noqa: T201  # a report to read
    return tried, wrong


if __name__ == "__main__":
    sys.exit(main())
