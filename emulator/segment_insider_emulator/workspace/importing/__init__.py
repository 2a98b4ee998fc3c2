"""`emulator import`: what Segment's Public API or Terraform says, as a workspace file."""
