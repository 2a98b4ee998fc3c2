"""Runs the measure: python tests/mutants."""

from measure import main

main()
