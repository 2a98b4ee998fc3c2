"""Import and export of workspaces: Segment's Public API, Terraform and workspace files."""
