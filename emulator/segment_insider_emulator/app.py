"""The application: what the parts are and how they meet, nothing else."""

import time
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from flask import Flask, request

from segment_insider_emulator import answers
from segment_insider_emulator.capture.database import claimed, connect
from segment_insider_emulator.capture.differences import Differences
from segment_insider_emulator.capture.idle import Idle
from segment_insider_emulator.capture.journeys import JourneyStore
from segment_insider_emulator.capture.listening import Listener
from segment_insider_emulator.capture.panel import ChangesStore, PanelStore
from segment_insider_emulator.capture.profiles import ProfileStore
from segment_insider_emulator.capture.pruning import Pruner, Steps
from segment_insider_emulator.capture.retention import Limits, Retention
from segment_insider_emulator.capture.sandboxes import SandboxStore
from segment_insider_emulator.capture.shared import RETRIES, RUNS, Shared
from segment_insider_emulator.capture.store import Store
from segment_insider_emulator.clock import Clock, SandboxClock, Stopwatch, utc_now
from segment_insider_emulator.config import Config
from segment_insider_emulator.delivery.account import RealAccount
from segment_insider_emulator.delivery.configuration import Configuration
from segment_insider_emulator.delivery.faults import Faults as InsiderFaults
from segment_insider_emulator.delivery.gate import Gate, compile_gate
from segment_insider_emulator.delivery.passthrough import PassThrough
from segment_insider_emulator.delivery.policy import Policy
from segment_insider_emulator.delivery.queue import Queue
from segment_insider_emulator.delivery.road import Road, Together
from segment_insider_emulator.delivery.senders import Remote
from segment_insider_emulator.guard import guard, is_loopback
from segment_insider_emulator.harness import clock as clocks
from segment_insider_emulator.harness import (
    delivery,
    destination,
    dry_run,
    exporting,
    journeys,
    openapi,
    panel,
    sandboxes,
    scenario_runs,
    segment_faults,
    storage,
    verifying,
    workspaces,
)
from segment_insider_emulator.harness import routes as harness
from segment_insider_emulator.insider import routes as insider
from segment_insider_emulator.insider.callbacks import CallbackHosts
from segment_insider_emulator.insider.endpoint import Endpoint
from segment_insider_emulator.insider.journeys.parsing import read_journeys
from segment_insider_emulator.insider.journeys.running import Journeys
from segment_insider_emulator.insider.panel import Panel
from segment_insider_emulator.inspector import routes as inspector
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.parts import Kept, Parts
from segment_insider_emulator.sandboxes import Expiry, Sandboxes, addressed, serve_sandboxes
from segment_insider_emulator.segment import routes as segment
from segment_insider_emulator.segment.assets import Assets
from segment_insider_emulator.segment.faults import Faults
from segment_insider_emulator.segment.oauth import Tokens
from segment_insider_emulator.teams import Callers, owner_of_default, read_teams
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.given import Given
from segment_insider_emulator.workspace.model import fingerprint

LARGEST_REQUEST = 16 * 1024 * 1024  # bytes; each side has its own, smaller limits


def create_app(
    config: Config,
    workspace: Workspace,
    *,
    clock: Clock = utc_now,
    stopwatch: Stopwatch = time.monotonic,
) -> Flask:
    """One emulator of *workspace*, whose clock runs with *clock* until somebody moves it.

    Args:
        stopwatch: Measures how long deliveries take, and how long nobody asks for a sandbox,
            whatever the clock does.

    Raises: EmulatorError, when the database cannot be opened or the workspace not compiled.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    teams = read_teams(config.teams)
    # What is for none of several teams must not be taken for the default sandbox's.
    config = replace(config, strict=config.strict or bool(teams))
    app.before_request(guard(config.host, Callers(config.password, teams)))
    owner = owner_of_default(teams)
    app.extensions["emulator"] = _serve(app, config, workspace, clock, stopwatch, owner)
    # What was due by now is decided before a request changes anything, or looks.
    app.before_request(run_due)
    answers.register(app)
    for side in (
        segment, insider, harness, delivery, segment_faults, panel, destination, clocks, journeys,
        sandboxes, scenario_runs, storage, dry_run, verifying,
        exporting, workspaces, openapi, inspector,
    ):  # fmt: skip
        app.register_blueprint(side.bp)
    return app


def run_due() -> None:
    """Take the journeys of the sandbox that is asked, if one is, to where they are by now.

    Not for who asks whether the emulator is up: the answer is the same, and soon given.
    """
    if request.endpoint != "harness.health" and (asked := addressed()):
        asked.parts.journeys.run_due()


def _serve(
    app: Flask,
    config: Config,
    workspace: Workspace,
    clock: Clock,
    stopwatch: Stopwatch,
    owner: str | None,
) -> Parts:
    """The parts of the default sandbox, *owner*'s; *app* answers for it and those created."""
    assets = Assets(Path(config.cache).expanduser())

    basis, listener = fingerprint(workspace.document), Listener()
    idle = Idle(stopwatch)
    app.before_request(idle.look)

    def make(workspace: Workspace, kept: Kept, asked: JSONObject | str | None) -> Parts:
        given = Given(asked, basis, kept.shared.hold)
        return _parts(config, workspace, given, kept, stopwatch, assets)

    def empty(db: str) -> Kept:
        engine = connect(db)
        shared = Shared(engine)
        store = Store(engine, listener)
        idle.watch(store.use)
        stores = store, ProfileStore(engine), JourneyStore(engine)
        return Kept(engine, *stores, shared, SandboxClock(clock, shared.hold))

    default = make(workspace, empty(config.db), None)
    store = SandboxStore(default.engine)
    served = Sandboxes(default, make, empty, store, clock, owner)
    unused = config.keep_sandboxes and timedelta(hours=config.keep_sandboxes)
    serve_sandboxes(app, served, Expiry(served, store, unused, clock) if unused else None)
    return default


def _parts(
    config: Config,
    workspace: Workspace,
    given: Given,
    kept: Kept,
    stopwatch: Stopwatch,
    assets: Assets,
) -> Parts:
    engine, store, profiles, runs, shared, clock = kept
    endpoint, journeys, keys = _account(config, workspace, kept)
    faults, differences = InsiderFaults(clock, config.seed, hold=shared.hold), Differences(engine)
    pass_through = None
    if real := _real_account(config):
        remote = Remote(real.url)
        pass_through = PassThrough(remote, endpoint.answer, real, differences, clock, shared.hold)
    sender = faults.before(pass_through or endpoint.answer)
    together = _together(kept, None if pass_through else faults)
    gate, policy = _gate(config, workspace), Policy(config.seed)
    compiled = Destination(workspace.destination)
    road = Road(compiled, sender, store, clock, gate, policy, stopwatch, real, together)
    shared.watch(RETRIES, road.backlog.told)
    shared.watch(RUNS, runs.told)
    queue = Queue(road, store, partial(_is_current, given, shared))
    if config.asynchronous:
        queue.begin()
    return Parts(
        config=config,
        workspace=workspace,
        given=given,
        engine=engine,
        store=store,
        profiles=profiles,
        shared=shared,
        endpoint=endpoint,
        panel=keys,
        road=road,
        configuration=Configuration(workspace.destination, ChangesStore(engine), road, shared.hold),
        clock=clock,
        journeys=journeys,
        tokens=Tokens(workspace.account_key, workspace.oauth),
        assets=assets,
        segment_faults=Faults(shared.hold),
        faults=faults,
        differences=differences,
        pass_through=pass_through,
        queue=queue,
        pruner=_pruner(config, kept),
    )


def _account(config: Config, workspace: Workspace, kept: Kept) -> tuple[Endpoint, Journeys, Panel]:
    """Insider One's end."""
    hold, name, key = kept.shared.hold, workspace.account_name, workspace.account_key
    defined = workspace.document.get("insider", {}).get("journeys", ())
    journeys = Journeys(read_journeys(defined), kept.runs, kept.profiles, kept.clock)
    keys = Panel(name, key, PanelStore(kept.engine), kept.clock, hold=hold)
    endpoint = Endpoint(
        name,
        key,
        workspace.identifiers,
        kept.profiles,
        kept.clock,
        workspace.options,
        callback_hosts=_callback_hosts(config, workspace),
        refusal=keys.refusal,
        on_change=journeys.observe,
        hold=hold,
    )
    return endpoint, journeys, keys


def _callback_hosts(config: Config, workspace: Workspace) -> CallbackHosts:
    """Who shares an emulator may replace its workspace, so that does not open its machine."""
    listed = workspace.options.error_callback_hosts
    is_shared = config.teams or config.password or not is_loopback(config.host)
    own = config.callback_hosts if is_shared else (*config.callback_hosts, *listed)
    return CallbackHosts(listed, own, config.port)


def _gate(config: Config, workspace: Workspace) -> Gate:
    source = workspace.document.get("source", {})
    return compile_gate(
        source, workspace.destination, workspace.plan, config.seed, workspace.segment
    )


def _together(kept: Kept, faults: InsiderFaults | None) -> Together:
    """One transaction for what one request brings, unless a fault may make it a long one.

    Args:
        faults: None where a real account may make it a long one, whatever goes wrong on purpose.
    """

    def together(names: Collection[str]) -> AbstractContextManager[object]:
        if faults and faults.none:
            return kept.profiles.writing(names)
        return claimed(kept.engine, names)

    return together


def _is_current(given: Given, shared: Shared) -> bool:
    shared.refresh()
    return not given.is_over


def _pruner(config: Config, kept: Kept) -> Pruner | None:
    limits = Limits(config.keep_days, config.keep_messages, config.keep_bytes)
    if not limits:
        return None
    return Pruner(Steps(Retention(kept.engine, limits, kept.clock), kept.store.use))


def _real_account(config: Config) -> RealAccount | None:
    if config.insider_url is None:
        return None
    return RealAccount(config.insider_url, config.insider_account, config.insider_key)
