"""Insider One's end of the road: the unification API, validation, identity and reach."""
