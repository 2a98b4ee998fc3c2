"""Run the `emulator` command with `python -m`."""

from segment_insider_emulator.cli import main

main()
