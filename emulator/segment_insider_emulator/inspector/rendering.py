"""A page, or one part of it: the same template serves the first view and every refresh."""

from flask import abort, render_template, request


def render_page(template_name: str, *part_names: str, **context: object) -> str:
    """The page that was asked for or, with `?part=NAME`, the one part of it.

    Args:
        page: The page's template in templates/inspector/, e.g. "live.html".
        parts: Names of its parts. Part `rows` is the template `_rows.html`, which *page* includes
            in an element with data-part="rows"; refresh.js fetches and replaces its content.
    """
    part = request.args.get("part")
    if part is None:
        return render_template(f"inspector/{template_name}", **context)
    if part not in part_names:
        abort(404)
    return render_template(f"inspector/_{part}.html", **context)
