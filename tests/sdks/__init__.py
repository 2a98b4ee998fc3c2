"""Segment's SDKs as published, driven against the emulator."""
