"""The Segment side: from an HTTP body to validated, normalised messages. Needs no Flask."""
