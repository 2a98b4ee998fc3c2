"""A dry run of a Segment archive: what Insider One would have received, and what it would not.

Nothing is stored and nothing is sent. Files are cut into parts; each part becomes figures by
itself; figures are put together in any order, on one machine or many.
"""
