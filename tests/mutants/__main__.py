"""Runs the measure: python tests/mutants."""

from survivor_report import main

main()
