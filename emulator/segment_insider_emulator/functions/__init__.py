"""Segment functions: their definitions, and the JavaScript engine that runs them."""
