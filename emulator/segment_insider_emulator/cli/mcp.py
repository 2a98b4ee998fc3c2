"""The command `emulator mcp`, and `/mcp` of a server: tools with which agents ask an emulator."""

import functools
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from importlib.util import find_spec
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final

import click

from segment_insider_emulator.cli.agent_tools import UNTRUSTED_NOTE, EmulatorTools, format_result
from segment_insider_emulator.cli.inputs import emulator_url_option
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON

if TYPE_CHECKING:
    from flask import Flask, Response
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    from segment_insider_scenarios.client import ControlClient

INSTRUCTIONS: Final = (
    "Ask a local emulator of Segment and Insider One what happened to events and why. "
    + UNTRUSTED_NOTE
)
EXTRA_REMEDY: Final = "Install the extra: pip install 'segment-insider-emulator[mcp]'."
MAX_ERROR_CHARS: Final = 1000
MAX_REQUESTS: Final = 12  # at /mcp at the same time; each uses a thread
MAX_RUNNING_REQUESTS: Final = 4  # of these; the others wait
REQUEST_TIMEOUT_S: Final = 180.0  # more than a run of features


@click.command("mcp", epilog="Example: emulator mcp --url http://127.0.0.1:8282")
@emulator_url_option
@click.option("--allow-changes", is_flag=True, help="Add tools that change the emulator.")
def mcp_command(url: str, allow_changes: bool) -> None:
    """Serve tools for agents on standard input and output (Model Context Protocol).

    The tools read a running emulator, which also serves them itself, at /mcp. Needs the extra
    `mcp`; without it the command exits with 2.
    """
    if find_spec("mcp") is None:
        raise EmulatorError("the library mcp is not installed", "emulator mcp", EXTRA_REMEDY)
    from segment_insider_scenarios.client import ControlClient

    connect = functools.partial(ControlClient.connect, url)
    build_server(connect, allow_changes=allow_changes).run("stdio")


def build_server(connect: Callable[[], "ControlClient"], *, allow_changes: bool) -> "MCPServer":
    """Build the MCP server with its tools; nothing is asked of the emulator yet.

    Args:
        connect: Makes a client of the emulator.
        allow_changes: Whether to add the tools that change it.
    """
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations
    from pydantic import ValidationError

    class OneLineErrors(MCPServer):
        """Answers arguments that do not fit a tool with one line."""

        async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
            known = self._tool_input_schema(name)
            if known and (unknown := sorted(arguments.keys() - known["properties"].keys())):
                listed = ", ".join(known["properties"]) or "none"
                raise ToolError(f"{name}: unknown argument {unknown[0][:80]!r}. Known: {listed}.")
            try:
                return await super().call_tool(name, arguments, context)
            except ToolError as error:
                if isinstance(error.__cause__, ValidationError):
                    raise ToolError(f"{name}: {_describe_mistake(error.__cause__)}") from None
                raise

    server = OneLineErrors(
        "segment-insider-emulator",
        instructions=INSTRUCTIONS,
        log_level="ERROR",
        subscriptions=False,
    )
    tools = EmulatorTools(connect)
    for tool in tools.reading + (tools.changing if allow_changes else []):
        server.add_tool(
            _report_errors(tool, ToolError),
            annotations=ToolAnnotations(
                read_only_hint=tool in tools.reading, open_world_hint=False
            ),
            structured_output=False,
        )
    return server


def _describe_mistake(error: Any) -> str:
    """Describe the first wrong argument of a tool call, without its value."""
    mistake = error.errors(include_input=False, include_url=False)[0]
    name = ".".join(str(part) for part in mistake["loc"])
    return f"{name}: {mistake['msg']}"[:MAX_ERROR_CHARS]


def _report_errors(tool: Callable[..., JSON], error_type: "type[ToolError]") -> Callable[..., str]:
    """Wrap a tool: bound and mark its result; report an error in one line."""

    @functools.wraps(tool)
    def call_tool(*args: Any, **kwargs: Any) -> str:
        try:
            return format_result(tool(*args, **kwargs))
        except EmulatorError as error:
            raise error_type(" ".join(str(error).split())[:MAX_ERROR_CHARS]) from None

    call_tool.__annotations__ = {**tool.__annotations__, "return": str}
    return call_tool


def install_mcp_endpoint(app: "Flask", *, allow_changes: bool) -> None:
    """Let a Flask *app* serve the tools at MCP_PATH, and below each sandbox.

    Each request is independent, as the protocol allows: no session, and no stream that holds a
    thread. It needs the password or token that the control API needs.
    """
    from segment_insider_emulator.web.access import MCP_PATH
    from segment_insider_emulator.web.json_errors import build_json_error_response

    slots, running = BoundedSemaphore(MAX_REQUESTS), BoundedSemaphore(MAX_RUNNING_REQUESTS)

    def answer_mcp_request() -> "Response":
        if find_spec("mcp") is None:
            what = "the library mcp is not installed"
            return build_json_error_response(501, what, MCP_PATH, EXTRA_REMEDY)
        if not slots.acquire(blocking=False):
            what, remedy = f"{MAX_REQUESTS} requests of agents are waiting", "Send it again later."
            response = build_json_error_response(503, what, MCP_PATH, remedy)
            response.headers["Retry-After"] = "1"
            return response
        try:
            with running:
                return _run_mcp_request(app, allow_changes)
        finally:
            slots.release()

    app.add_url_rule(MCP_PATH, "mcp", answer_mcp_request, methods=["POST"])


def _run_mcp_request(app: "Flask", allow_changes: bool) -> "Response":
    """Answer the current request with the SDK's server; its tools call *app* in this process."""
    import anyio
    from flask import Response, request

    from segment_insider_emulator.web.access import read_presented_secret
    from segment_insider_emulator.web.sandbox_routing import get_sandbox_path
    from segment_insider_scenarios.client import ControlClient
    from segment_insider_scenarios.transport import InProcessAdapter

    logging.getLogger("mcp").setLevel(logging.ERROR)
    base_url, token = f"http://127.0.0.1{get_sandbox_path()}", read_presented_secret()

    def connect() -> ControlClient:
        client = ControlClient(base_url, token=token)
        client.session.mount(base_url, InProcessAdapter(app))
        return client

    server = build_server(connect, allow_changes=allow_changes)
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers
    ]
    # In a thread of its own, as a test with a browser has an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        call = functools.partial(
            anyio.run, _call_sdk, server, request.method, headers, request.get_data()
        )
        status, response_headers, body = pool.submit(copy_context().run, call).result()
    response = Response(body, status)
    response.headers.clear()
    for name, value in response_headers:
        response.headers.add(name.decode("latin-1"), value.decode("latin-1"))
    return response


async def _call_sdk(
    server: "MCPServer", method: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return status, headers and body of the SDK's answer to one HTTP request."""
    import anyio
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    scope: MutableMapping[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": "/mcp", "raw_path": b"/mcp", "query_string": b"", "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 0), "server": ("127.0.0.1", 0),
    }  # fmt: skip
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    start: dict[str, Any] = {}
    chunks: list[bytes] = []

    async def receive() -> MutableMapping[str, Any]:
        if messages:
            return messages.pop()
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            chunks.append(message.get("body", b""))

    # Our own checks of Host and Origin ran before, so the SDK's are not set.
    manager = StreamableHTTPSessionManager(
        server._lowlevel_server, json_response=True, stateless=True
    )
    handle: Callable[[Any, Any, Any], Awaitable[None]] = manager.handle_request
    with anyio.fail_after(REQUEST_TIMEOUT_S):
        async with manager.run():
            await handle(scope, receive, send)
    return start["status"], start["headers"], b"".join(chunks)
