"""Mutants: shipped scenarios with one typo each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from string import ascii_lowercase, digits

from shipped_features import (
    KINDS,
    REMOVED_WHEN,
    MutationSite,
    ShippedScenario,
    iter_shipped_scenarios,
)

TRIES_PER_MUTANT = 60  # per mutant, for one that is not there yet


@dataclass(frozen=True, slots=True)
class Mutant:
    """A scenario with one typo.

    Args:
        before: What was written there.
        after: What is written instead.
    """

    scenario: ShippedScenario
    site: MutationSite
    before: str
    after: str

    def text(self) -> str:
        """Return the feature with the typo."""
        lines, site = list(self.scenario.lines), self.site
        if site.kind == REMOVED_WHEN:
            lines[site.line : site.until] = [""] * (site.until - site.line)
        else:
            line = lines[site.line]
            lines[site.line] = line[: site.start] + self.after + line[site.end :]
        return "\n".join(lines) + "\n"

    def __str__(self) -> str:
        where = f"{self.scenario.path}:{self.site.line + 1}"
        return f"{where}: {self.site.kind}: {self.before} -> {self.after or 'nothing'}"


def make_mutants(count: int, seed: int, is_wanted: Callable[[Mutant], bool]) -> list[Mutant]:
    """Make *count* different mutants, spread over all kinds."""
    random = Random(seed)
    sites: dict[str, list[tuple[ShippedScenario, MutationSite]]] = {kind: [] for kind in KINDS}
    for scenario in iter_shipped_scenarios():
        for site in scenario.list_sites():
            sites[site.kind].append((scenario, site))
    mutants: dict[tuple[str, str], Mutant] = {}
    tries = 0
    while len(mutants) < count and tries < count * TRIES_PER_MUTANT:
        kind = KINDS[tries % len(KINDS)]
        tries += 1
        scenario, site = random.choice(sites[kind])
        mutant = _make_mutant(scenario, site, random)
        if mutant and is_wanted(mutant):
            mutants.setdefault((str(mutant), scenario.lines[site.line]), mutant)
    return list(mutants.values())


def _make_mutant(scenario: ShippedScenario, site: MutationSite, random: Random) -> Mutant | None:
    line = scenario.lines[site.line]
    if site.kind == REMOVED_WHEN:
        return Mutant(scenario, site, line.strip(), "")
    before = line[site.start : site.end]
    after = random.choice(list(make_typos(before, random)))
    return Mutant(scenario, site, before, after) if after.strip() and after != before else None


def make_typos(text: str, random: Random) -> Iterator[str]:
    """Yield one typo of each kind: drop, double, swap, hit another key."""
    at = random.randrange(len(text))
    letter = text[at]
    letters = digits if letter.isdigit() else ascii_lowercase
    yield text[:at] + text[at + 1 :]
    yield text[:at] + letter + text[at:]
    yield text[:at] + text[at + 1 : at + 2] + letter + text[at + 2 :]
    yield text[:at] + random.choice(letters) + text[at + 1 :]
    yield text[:at] + random.choice(letters) + text[at:]
    yield text[:at] + letter.swapcase() + text[at + 1 :]
