"""Entry point of `python -m segment_insider_emulator`: runs the `emulator` command."""

from segment_insider_emulator.cli import main

main()
