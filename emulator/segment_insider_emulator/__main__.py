"""`python -m emulator` is the console script `emulator`."""

from emulator.cli import main

main()
