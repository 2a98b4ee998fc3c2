"""The `@liquid` directive: Liquid templates that render exactly as Segment renders them.

Segment runs liquidjs 10.30; here python-liquid is the engine, with liquidjs' grammar in
`markup`, `scanner` and `expressions`, and its tags and filters in the modules named after them.
Import `compile_liquid` from `templates`: the engine takes long to load, and few mappings need it.
"""
