"""`emulator export`: a workspace as what Segment can be told to do."""
