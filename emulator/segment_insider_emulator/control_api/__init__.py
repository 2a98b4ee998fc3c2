"""The control API that tests and tools read, under /emulator/v1/."""
