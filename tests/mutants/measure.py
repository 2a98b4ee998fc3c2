"""Makes one slip in a shipped scenario, many times, and names the slips that no scenario notices.

python tests/mutants --count 2000
"""

import sys
from collections import Counter

import click
from mutant_runs import survivors
from slips import mutants


@click.command()
@click.option("--count", default=2000, show_default=True, help="Mutants.")
@click.option("--seed", default=1, show_default=True, help="Another one makes other mutants.")
@click.option("--jobs", default=2, show_default=True, help="Processes.")
def main(count: int, seed: int, jobs: int) -> None:
    """Make mutants of the shipped features, run them and list the survivors."""
    made = mutants(count, seed)
    alive = survivors(made, jobs)
    for mutant in alive:
        click.echo(f"{mutant}: {mutant.equivalence() or 'NOT NOTICED'}")
    all_kinds = Counter(mutant.site.kind for mutant in made)
    alive_kinds = Counter(mutant.site.kind for mutant in alive)
    for kind, number in all_kinds.items():
        click.echo(f"{alive_kinds[kind]:5} of {number:5}  {kind}", err=True)
    unnoticed = [mutant for mutant in alive if not mutant.equivalence()]
    click.echo(f"{len(alive):5} of {len(made):5}  survive", err=True)
    click.echo(f"{len(unnoticed):5} of these are not equivalent", err=True)
    sys.exit(bool(unnoticed))
