"""The control API for tests and tools, under /emulator/v1/."""
