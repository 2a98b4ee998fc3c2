"""The pages: what arrived, what became of it, and why."""
