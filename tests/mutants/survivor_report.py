"""Make one typo in a shipped scenario, many times, and list the typos that no test notices.

A typo that means the same (tests/mutants/equivalent_mutants.py has the reasons) is no mutant and is
counted separately; with --equivalent it is run and listed with its reason.
"""

import sys
from collections import Counter

import click
from equivalent_mutants import explain_equivalence
from mutant_runs import find_survivors
from mutations import Mutant, make_mutants

UNNOTICED = "NOT NOTICED"


@click.command()
@click.option("--count", default=2000, show_default=True, help="Number of mutants.")
@click.option("--seed", default=1, show_default=True, help="Seed of the random choice.")
@click.option("--jobs", default=2, show_default=True, help="Number of processes.")
@click.option("--equivalent", is_flag=True, help="Also make mutants that mean the same.")
def main(count: int, seed: int, jobs: int, equivalent: bool) -> None:
    """Make mutants of the shipped features, run them and list the survivors."""
    left_out: Counter[str] = Counter()

    def is_wanted(mutant: Mutant) -> bool:
        reason = explain_equivalence(mutant)
        left_out.update([reason] if reason and not equivalent else [])
        return equivalent or reason is None

    mutants = make_mutants(count, seed, is_wanted)
    alive = find_survivors(mutants, jobs)
    for mutant in alive:
        click.echo(f"{mutant}: {explain_equivalence(mutant) or UNNOTICED}")
    _print_summary(mutants, alive, left_out)
    sys.exit(any(explain_equivalence(mutant) is None for mutant in alive))


def _print_summary(mutants: list[Mutant], alive: list[Mutant], left_out: Counter[str]) -> None:
    for reason, number in left_out.items():
        click.echo(f"left out {number}: {reason}", err=True)
    survived = Counter(mutant.site.kind for mutant in alive)
    for kind, number in Counter(mutant.site.kind for mutant in mutants).items():
        click.echo(f"{survived[kind]:5} of {number:5}  {kind}", err=True)
    click.echo(f"{len(alive):5} of {len(mutants):5}  survive", err=True)
