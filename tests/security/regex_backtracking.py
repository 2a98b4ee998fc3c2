"""Decide whether Python's `re` matches a pattern in linear time, whatever the text.

A pattern becomes an automaton with one state for each character class (Glushkov's construction).
Backtracking is super-linear only where one text leads around a loop in two ways, or from one loop
into another that reads the same text, and the match can still fail there (Weber and Seidl 1991;
Weideman et al. 2016). A search adds a loop of its own: it starts again at each character.
"""

import re
import re._compiler as compiler  # type: ignore[import-not-found]
import re._constants as codes  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, TypeAlias

Method: TypeAlias = Literal["fullmatch", "match", "search"]
Pair: TypeAlias = tuple[int, int]
Triple: TypeAlias = tuple[int, int, int]
UNROLLED = 3  # copies that represent a repeat with an upper bound
LONGEST_BOUNDED = 1_000  # characters: what reads no more is linear
REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
BEGINNINGS = (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING)
# Characters that no pattern names, but that its classes may distinguish.
OTHERS = "\0\t\n\r aAzZ019_-./\x7f\x85\xe9\u0130\u0660\u2028\ud800\uffff\U0001f600"


def find_backtracking(pattern: re.Pattern[Any], method: Method) -> str | None:
    """Return the texts that may take super-linear time, or None."""
    if isinstance(pattern.pattern, bytes):
        pattern = re.compile(pattern.pattern.decode("latin-1"), pattern.flags | re.ASCII)
    if parser.parse(pattern.pattern, pattern.flags).getwidth()[1] <= LONGEST_BOUNDED:
        return None
    try:
        automaton = _PatternAutomaton(pattern, method)
    except NotImplementedError as error:
        return str(error)
    return automaton.find_ambiguous_loop() or automaton.find_overlapping_loops()


@dataclass
class _PatternPart:
    """First and last states of a part of a pattern, and its ways to match nothing.

    It is guarded when an assertion, such as `$` or a look-ahead, may be where it reads nothing.
    """

    first: Counter[int] = field(default_factory=Counter)
    last: Counter[int] = field(default_factory=Counter)
    empty: int = 1
    guarded: bool = False


class _PatternAutomaton:
    """States of a pattern and the steps between them, each with its number of ways."""

    def __init__(self, pattern: re.Pattern[str], method: Method) -> None:
        self._flags = pattern.flags
        self._classes: list[re.Pattern[str]] = []
        self._ways: Counter[Pair] = Counter()
        self._guarded: set[int] = set()  # states behind which the match may still fail
        tree = parser.parse(pattern.pattern, pattern.flags)
        whole = self._add_sequence(tree)
        ends_anywhere = method != "fullmatch"
        self._accepting = set(whole.last) - self._guarded if ends_anywhere else set()
        is_anchored = bool(tree) and tree[0][0] is codes.AT and tree[0][1] in BEGINNINGS
        if method == "search" and not is_anchored:
            start = self._add_state(re.compile("(?s:.)"))
            self._ways[start, start] += 1
            self._ways.update({(start, state): ways for state, ways in whole.first.items()})
        letters = dict.fromkeys(pattern.pattern + pattern.pattern.swapcase() + OTHERS)
        self._reads = [{char for char in letters if one.fullmatch(char)} for one in self._classes]
        self._next: dict[int, set[int]] = {state: set() for state in range(len(self._classes))}
        for one, other in self._ways:
            self._next[one].add(other)
        self._loops = self._find_cycles(set(self._next))

    def find_ambiguous_loop(self) -> str | None:
        """Return a loop that one text can take in two ways: exponential time."""
        for loop in self._find_failing_loops():
            if any(self._ways[pair] > 1 for pair in product(loop, loop)):
                return f"a repeat in a repeat of {self._describe_states(loop)}"
            equal = [(state, state) for state in loop]
            apart = {pair for pair in self._walk(equal, [loop, loop]) if pair[0] != pair[1]}
            if any(one == other for one, other in self._walk(apart, [loop, loop])):
                return f"two ways around {self._describe_states(loop)}"
        return None

    def find_overlapping_loops(self) -> str | None:
        """Return a loop that leads to another loop over the same text: polynomial time."""
        anywhere = set(self._next)
        for before, behind in product(self._loops, self._find_failing_loops()):
            for first, last in product(before, behind):
                if first != last and (first, last, last) in self._walk(
                    [(first, first, last)], [before, anywhere, behind]
                ):
                    return (
                        f"{self._describe_states({first})} before {self._describe_states({last})}"
                    )
        return None

    def _find_failing_loops(self) -> list[set[int]]:
        """Loops without a state that may end the match: there, what was read so far suffices."""
        return self._find_cycles(set(self._next) - self._accepting)

    def _walk(self, starts: Iterable[tuple[int, ...]], within: list[set[int]]) -> set[Any]:
        """What *starts*, states that step together on equal characters, lead to in some steps."""
        found: set[tuple[int, ...]] = set()
        waiting = list(starts)
        while waiting:
            state = waiting.pop()
            following = [self._next[one] & room for one, room in zip(state, within, strict=True)]
            for step in product(*following):
                if step not in found and set.intersection(*(self._reads[one] for one in step)):
                    found.add(step)
                    waiting.append(step)
        return found

    def _describe_states(self, states: set[int]) -> str:
        return " | ".join(sorted("".join(sorted(self._reads[state]))[:12] for state in states)[:3])

    def _find_cycles(self, states: set[int]) -> list[set[int]]:
        """The largest sets of *states* of which each leads to all others, and to itself."""
        reached = {state: self._find_reachable(state, states) for state in states}
        cycles: list[set[int]] = []
        for state in states:
            if state in reached[state] and not any(state in cycle for cycle in cycles):
                cycles.append({other for other in reached[state] if state in reached[other]})
        return cycles

    def _find_reachable(self, start: int, states: set[int]) -> set[int]:
        found: set[int] = set()
        waiting = [start]
        while waiting:
            for state in (self._next[waiting.pop()] & states) - found:
                found.add(state)
                waiting.append(state)
        return found

    def _add_sequence(self, items: Iterable[Any]) -> _PatternPart:
        whole = _PatternPart()
        for operation, argument in items:
            whole = self._join(whole, self._add_part(operation, argument))
        return whole

    def _join(self, left: _PatternPart, right: _PatternPart) -> _PatternPart:
        self._connect(left, right)
        if right.guarded:
            self._guarded |= set(left.last)
        return _PatternPart(
            left.first + _multiply_ways(right.first, left.empty),
            right.last + _multiply_ways(left.last, right.empty),
            left.empty * right.empty,
            (left.guarded and bool(left.empty)) or right.guarded,
        )

    def _connect(self, left: _PatternPart, right: _PatternPart) -> None:
        for (one, ways), (other, more) in product(left.last.items(), right.first.items()):
            self._ways[one, other] += ways * more

    def _add_part(self, operation: Any, argument: Any) -> _PatternPart:
        if operation in REPEATS:
            return self._add_repeat(*argument)
        if operation is codes.BRANCH:
            return self._add_branch([self._add_sequence(branch) for branch in argument[1]])
        if operation is codes.SUBPATTERN:
            return self._add_group(*argument)
        if operation is codes.ATOMIC_GROUP:
            return self._add_sequence(argument)
        if operation in (codes.ASSERT, codes.ASSERT_NOT, codes.AT):
            if operation is not codes.AT and argument[1].getwidth()[1] > LONGEST_BOUNDED:
                raise NotImplementedError("a look-around without an upper bound")
            return _PatternPart(guarded=True)
        if operation is codes.GROUPREF:
            raise NotImplementedError("a reference back to a group")
        return self._add_character(operation, argument)

    def _add_branch(self, parts: list[_PatternPart]) -> _PatternPart:
        first = sum((part.first for part in parts), Counter[int]())
        last = sum((part.last for part in parts), Counter[int]())
        guarded = any(part.guarded for part in parts)
        return _PatternPart(first, last, sum(part.empty for part in parts), guarded)

    def _add_group(self, _number: int, added: int, removed: int, items: Any) -> _PatternPart:
        outside = self._flags
        self._flags = (outside | added) & ~removed
        part = self._add_sequence(items)
        self._flags = outside
        return part

    def _add_repeat(self, low: int, high: int, items: Any) -> _PatternPart:
        """Nest the copies, a(a(a)?)?: a copy is there only if those before it are."""
        copies = max(1, min(low if high is codes.MAXREPEAT else high, UNROLLED))
        rest = _PatternPart()
        for index in reversed(range(copies)):
            part = self._add_sequence(items)
            if index + 1 == copies and high is codes.MAXREPEAT:
                self._connect(part, part)
            rest = self._join(part, rest)
            if index >= low:
                rest = _PatternPart(rest.first, rest.last, 1, rest.guarded)
        return rest

    def _add_character(self, operation: Any, argument: Any) -> _PatternPart:
        one = parser.SubPattern(parser.State(), [(operation, argument)])
        state = self._add_state(compiler.compile(one, self._flags & ~re.DEBUG))
        return _PatternPart(Counter([state]), Counter([state]), 0)

    def _add_state(self, reads: re.Pattern[str]) -> int:
        self._classes.append(reads)
        return len(self._classes) - 1


def _multiply_ways(counter: Counter[int], ways: int) -> Counter[int]:
    return Counter({state: count * ways for state, count in counter.items() if ways})
