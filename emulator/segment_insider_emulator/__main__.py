"""`python -m segment_insider_emulator` is the console script `emulator`."""

from segment_insider_emulator.cli import main

main()
