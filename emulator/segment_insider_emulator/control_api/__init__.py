"""The control API of the emulator for tests and tools, under /emulator/v1/."""
