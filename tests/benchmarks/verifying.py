"""How many scenarios a second run, in one process and in two, and whether they agree.

By hand: python tests/benchmarks/verifying.py [COUNT]
Each scenario has people, an order and a wish of its own; one in ten must fail.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

COUNT = 1000
SCENARIO = """\
  Scenario: {n} buys
    Given {name} views these products:
      | product_id | price |
      | p-{n}      | {n}   |
    When {name} completes order "o-{n}" in EUR:
      | product_id | price | quantity |
      | p-{n}      | {n}   | 1        |
    Then Insider One receives exactly these events for {name}:
      | event_name               | product_id | unit_price |
      | product_detail_page_view | p-{n}      | {n}        |
      | confirmation_page_view   | p-{wanted} | {n}        |
    And Insider One knows 1 people
"""
NAMES = ("Ada", "Bob", "Cleo", "Dan")


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), count)
        one, two = (_run(folder, workers) for workers in (1, 2))
    click.echo(f"same verdicts: {one == two}")
    failed = sum(verdict == "failed" for _, verdict in one)
    click.echo(f"failed: {failed}, expected: {count // 10}")
    if one != two:
        raise SystemExit(1)


def _write(folder: Path, count: int) -> None:
    for first in range(0, count, 100):
        scenarios = [
            SCENARIO.format(n=n, name=NAMES[n % 4], wanted=n if n % 10 else 0)
            for n in range(first + 1, min(first + 100, count) + 1)
        ]
        text = f"Feature: Shop {first}\n\n" + "\n".join(scenarios)
        (folder / f"shop-{first:04}.feature").write_text(text, "utf-8")


def _run(folder: str, workers: int) -> list[tuple[str, str]]:
    command = [sys.executable, "-m", "emulator", "verify", "--json", "-n", str(workers), folder]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    found = json.loads(done.stdout)["scenarios"]
    click.echo(
        f"-n {workers}: {len(found)} scenarios in {took:.1f} s, {len(found) / took:.0f} a second"
    )
    return sorted((each["scenario"], each["verdict"]) for each in found)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else COUNT)
