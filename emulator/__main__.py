"""Run the command line in a checkout: `python -m emulator`."""

from segment_insider_emulator.cli import main

main(prog_name="python -m emulator")
