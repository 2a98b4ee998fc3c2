"""Dry run of a Segment archive: what Insider One would receive and what would be lost.

Nothing is stored and nothing is sent. Files are split into parts; the metrics of the parts are
added in any order, on one machine or many.
"""
