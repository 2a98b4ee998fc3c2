"""A group of commands of which each is a module that is imported only when it is run."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Sub-commands by name: a module of *package* each, its click command named `command`.

    Args:
        told: Name -> what the help says of it: asking each command would import them all.
        modules: Name -> module, where that is another name.
    """

    def __init__(
        self, *, package: str, told: Mapping[str, str], modules: Mapping[str, str], **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._package, self._help_texts, self._module_names = package, told, modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._help_texts)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._help_texts:
            return None
        module = self._module_names.get(cmd_name, cmd_name)
        command: click.Command = getattr(
            import_module(f"{self._package}.{module}"), f"{cmd_name}_command"
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._help_texts.items()))
