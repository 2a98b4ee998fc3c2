"""Filter FQL: the language of destination filters, as Segment documents its server's reading."""
