"""The Segment side, without Flask: from an HTTP body to validated, normalised messages."""
