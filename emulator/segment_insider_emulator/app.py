"""Composition of the Flask app: creates all services and registers all blueprints."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.routing import Rule

from segment_insider_emulator.clock import Clock, SandboxClock, Stopwatch, utc_now
from segment_insider_emulator.config import Config
from segment_insider_emulator.control_api.causes import cause_routes
from segment_insider_emulator.control_api.clock import clock_routes
from segment_insider_emulator.control_api.deliveries import (
    delivery_routes,
    dry_run_routes,
    segment_fault_routes,
)
from segment_insider_emulator.control_api.destination import destination_routes, panel_routes
from segment_insider_emulator.control_api.expectations import expectation_routes
from segment_insider_emulator.control_api.export import export_routes
from segment_insider_emulator.control_api.openapi import openapi_routes
from segment_insider_emulator.control_api.sandboxes import (
    coverage_routes,
    sandbox_routes,
    workspace_routes,
)
from segment_insider_emulator.control_api.scenario_runs import scenario_run_routes
from segment_insider_emulator.control_api.stored_records import (
    capture_routes,
    journey_routes,
    storage_routes,
)
from segment_insider_emulator.delivery.destination_overrides import DestinationOverrides
from segment_insider_emulator.delivery.fault_injection import FaultInjector as InsiderFaults
from segment_insider_emulator.delivery.filter_chain import build_filter_chain
from segment_insider_emulator.delivery.passthrough import PassThroughSender
from segment_insider_emulator.delivery.pipeline import (
    DeliveryPipeline,
    create_faulty_sender,
    create_transaction_factory,
)
from segment_insider_emulator.delivery.queue import DeliveryQueue
from segment_insider_emulator.delivery.retries import RetryPolicy
from segment_insider_emulator.delivery.senders import RealAccount
from segment_insider_emulator.functions.segment_function import create_function_runner
from segment_insider_emulator.insider.account import IntegrationPanel
from segment_insider_emulator.insider.api import InsiderApi
from segment_insider_emulator.insider.error_callbacks import CallbackHosts
from segment_insider_emulator.insider.journey_parser import parse_journeys
from segment_insider_emulator.insider.journey_runner import JourneyRunner
from segment_insider_emulator.mapping import compile_destination
from segment_insider_emulator.segment.assets import AnalyticsJsAssets
from segment_insider_emulator.segment.faults import SegmentFaultQueue
from segment_insider_emulator.segment.oauth import TokenIssuer
from segment_insider_emulator.storage.change_feed import PostgresListener
from segment_insider_emulator.storage.database import hold_advisory_locks, open_database
from segment_insider_emulator.storage.journeys import JourneyStore
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.panel_settings import (
    DestinationChangesStore,
    IntegrationStore,
)
from segment_insider_emulator.storage.postgres import IdleConnectionReaper
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.storage.replicated_state import (
    JOURNEY_RUNS_DUE,
    RETRIES_DUE,
    ReplicatedState,
)
from segment_insider_emulator.storage.reports import ResponseDifferenceStore
from segment_insider_emulator.storage.retention import (
    MessageRetention,
    RetentionLimits,
    RetentionSchedule,
    RetentionWorker,
)
from segment_insider_emulator.storage.sandboxes import SandboxStore
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web import insider_routes as insider
from segment_insider_emulator.web import json_errors
from segment_insider_emulator.web import segment_routes as segment
from segment_insider_emulator.web.access import (
    CallerAuthenticator,
    Team,
    create_access_check,
    find_default_sandbox_owner,
    load_teams,
)
from segment_insider_emulator.web.host_check import (
    PUBLIC_URL_KEY,
    create_host_check,
    is_loopback_host,
)
from segment_insider_emulator.web.long_requests import ONE_CALL_AT_A_TIME
from segment_insider_emulator.web.request_hooks import install_request_hooks
from segment_insider_emulator.web.request_masking import install_masking
from segment_insider_emulator.web.sandbox_registry import SandboxExpiry, SandboxRegistry
from segment_insider_emulator.web.sandbox_routing import (
    create_services_finder,
    install_sandbox_prefixes,
)
from segment_insider_emulator.web.services import (
    OVERLAY_KEY,
    SCRATCH_KEY,
    SandboxServices,
    SandboxState,
    WorkspaceVersion,
)
from segment_insider_emulator.web.tracking_calls import install_plain_calls
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.causes import (
    KnownCauseChanges,
    KnownCauses,
    list_known_causes,
)
from segment_insider_emulator.workspace.model import fingerprint_document

if TYPE_CHECKING:
    from segment_insider_emulator.masking import Pseudonyms
    from segment_insider_emulator.web.metrics import EmulatorMetrics

MAX_REQUEST_BYTES = 16 * 1024 * 1024  # Segment and Insider One have smaller limits


class LazyRule(Rule):
    """URL rule of Flask that compiles its URL builder when it builds its first URL.

    That is three quarters of the time in which an app is created, and most rules never build one.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_builder = cache(partial(super()._compile_builder, append_unknown))
        return lambda rule, **values: compile_builder()(rule, **values)


def create_app(
    config: Config,
    workspace: Workspace,
    *,
    clock: Clock = utc_now,
    stopwatch: Stopwatch = time.monotonic,
    pages: bool = True,
) -> Flask:
    """Create the Flask app for *workspace*. *clock* supplies the time until it is overridden.

    Args:
        stopwatch: Measures delivery times and idle times in real seconds, independent of *clock*.
        pages: Whether the app has the inspector's pages.
    Raises: EmulatorError, when the database cannot be opened or the workspace is invalid.
    """
    app = Flask(__name__, static_folder=None)
    app.url_rule_class = LazyRule
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST_BYTES
    app.config[PUBLIC_URL_KEY] = config.public_url
    teams = load_teams(config.teams)
    # With teams, events with an unknown write key must not go to the default sandbox.
    config = replace(config, strict=config.strict or bool(teams))
    authenticator = CallerAuthenticator(config.password, teams)
    owner = find_default_sandbox_owner(teams)
    idle_connections = IdleConnectionReaper(stopwatch)
    default = app.extensions["emulator"] = _install_sandboxes(
        app, config, workspace, clock, stopwatch, owner, idle_connections
    )
    # PostgreSQL and another server take time in which other calls can run.
    waits = default.shared_state.is_multi_process or config.insider_url is not None
    app.config[ONE_CALL_AT_A_TIME] = not waits
    check_host = create_host_check(config)
    reaper = idle_connections if default.shared_state.is_multi_process else None
    install_request_hooks(app, create_access_check(check_host, authenticator), reaper)
    install_masking(
        app,
        _load_pseudonyms(config, teams, default),
        masks_all=config.mask,
        masked_teams={team.name for team in teams if team.sees_pseudonyms},
    )
    find_services = create_services_finder(app.extensions["sandboxes"], app.extensions["expiry"])
    install_plain_calls(app, check_host, find_services, reaper)
    install_sandbox_prefixes(app)
    json_errors.register_json_errors(app)
    for blueprint in (
            segment.bp, insider.bp, capture_routes, delivery_routes, segment_fault_routes,
            panel_routes, destination_routes, clock_routes, journey_routes, sandbox_routes,
            scenario_run_routes, storage_routes, dry_run_routes, expectation_routes,
            coverage_routes, cause_routes, export_routes, workspace_routes, openapi_routes,
        ):  # fmt: skip
        app.register_blueprint(blueprint)
    if pages:
        _install_pages(app, config)
    return _install_metrics(app)


def _install_metrics(app: Flask) -> Flask:
    """Count the requests of *app* if it has metrics; return it."""
    if metrics := app.extensions["metrics"]:
        from segment_insider_emulator.web.metrics import install_metrics

        install_metrics(app, metrics, app.extensions["sandboxes"])
    return app


def _load_pseudonyms(
    config: Config, teams: Sequence[Team], default: SandboxServices
) -> "Pseudonyms | None":
    """Return the pseudonyms of the configured key, else of the one that the database has.

    None if neither all callers nor a team see pseudonyms.
    """
    if not config.mask and not any(team.sees_pseudonyms for team in teams):
        return None
    # Imported here because few emulators mask.
    from segment_insider_emulator.masking import Pseudonyms

    pseudonyms = Pseudonyms(config.mask_key or "")
    if not config.mask_key:
        guard = default.shared_state.create_durable_state_guard("masking", pseudonyms)
        with guard.lock_for_update:
            pseudonyms.create_key_if_missing()
    return pseudonyms


def _install_pages(app: Flask, config: Config) -> None:
    # Imported here because emulators inside tests have no pages, which are half of all modules.
    from segment_insider_emulator.inspector import blueprint as inspector
    from segment_insider_emulator.inspector import overlay

    app.register_blueprint(inspector.bp)
    app.register_blueprint(overlay.bp)
    if config.overlay:
        app.extensions[OVERLAY_KEY] = overlay.build_overlay_script


def _create_metrics(config: Config) -> "EmulatorMetrics | None":
    if not config.metrics:
        return None
    # Imported here because few emulators have metrics.
    from segment_insider_emulator.web.metrics import EmulatorMetrics

    return EmulatorMetrics()


def _install_sandboxes(
    app: Flask,
    config: Config,
    workspace: Workspace,
    clock: Clock,
    stopwatch: Stopwatch,
    default_owner: str | None,
    idle_connections: IdleConnectionReaper,
) -> SandboxServices:
    """Create the default sandbox and the registry; return the default sandbox's services."""
    assets, metrics = AnalyticsJsAssets(Path(config.cache).expanduser()), _create_metrics(config)
    fingerprint, listener = fingerprint_document(workspace.document), PostgresListener()

    def build_sandbox_services(
        workspace: Workspace, state: SandboxState, requested: JSONObject | str | None
    ) -> SandboxServices:
        version = WorkspaceVersion(requested, fingerprint, state.shared_state.create_state_guard)
        return _build_sandbox_services(config, workspace, version, state, stopwatch, assets)

    def open_sandbox_state(db: str) -> SandboxState:
        engine = open_database(db)
        shared = ReplicatedState(engine)
        store = MessageStore(engine, listener, metrics.count_verdict if metrics else None)
        idle_connections.watch_pool(store.pool_usage)
        stores = store, ProfileStore(engine), JourneyStore(engine)
        return SandboxState(
            engine,
            *stores,
            shared,
            SandboxClock(clock, shared.create_durable_state_guard),
            KnownCauseChanges(shared.create_durable_state_guard),
        )

    default = build_sandbox_services(workspace, open_sandbox_state(config.db), None)
    records = SandboxStore(default.engine)
    registry = SandboxRegistry(
        default, build_sandbox_services, open_sandbox_state, records, clock, default_owner
    )
    expiry = None
    if config.keep_sandboxes:
        max_idle = timedelta(hours=config.keep_sandboxes)
        expiry = SandboxExpiry(registry, records, max_idle, clock)
    app.extensions |= {"sandboxes": registry, "expiry": expiry, "metrics": metrics}

    def build_scratch_services(workspace: Workspace) -> SandboxServices:
        """Build the services of an emulator in memory that reaches nothing outside."""
        alone = replace(
            config, db=":memory:", insider_url=None, asynchronous=False, callback_hosts=(),
            keep_days=None, keep_messages=None, keep_bytes=None,
            password=config.password or "none",  # as on a shared one, no callback is sent
        )  # fmt: skip
        state = open_sandbox_state(alone.db)
        version = WorkspaceVersion(None, "", state.shared_state.create_state_guard)
        return _build_sandbox_services(alone, workspace, version, state, stopwatch, assets)

    app.extensions[SCRATCH_KEY] = build_scratch_services
    return default


def _build_sandbox_services(
    config: Config,
    workspace: Workspace,
    workspace_version: WorkspaceVersion,
    state: SandboxState,
    stopwatch: Stopwatch,
    assets: AnalyticsJsAssets,
) -> SandboxServices:
    engine, store, profiles, runs, shared, clock, known_cause_changes = state
    known_causes = KnownCauses(tuple(list_known_causes(workspace.document)), known_cause_changes)
    endpoint, journeys, panel = _build_insider_account(config, workspace, state)
    function_runner = create_function_runner(
        workspace.functions, _list_allowed_hosts(config, workspace.functions.allowed_hosts)
    )
    faults = InsiderFaults(clock, config.seed, guard_factory=shared.create_state_guard)
    differences = ResponseDifferenceStore(engine)
    pass_through = None
    if real := _get_real_insider_account(config):
        # Imported here because few emulators have a real account, and `requests` is slow to import.
        from segment_insider_emulator.delivery.remote_sender import RemoteSender

        remote = RemoteSender(real.url)
        pass_through = PassThroughSender(
            remote, endpoint.handle_request, real, differences, clock, shared.create_state_guard
        )
    sender = create_faulty_sender(pass_through or endpoint.handle_request, faults)
    pipeline = DeliveryPipeline(
        compile_destination(workspace.destination),
        sender,
        store,
        clock,
        build_filter_chain(workspace, config.seed, function_runner),
        RetryPolicy(config.seed),
        stopwatch,
        real,
        create_transaction_factory(
            state.profiles.unit_of_work,
            partial(hold_advisory_locks, state.engine),
            # A function may take seconds, in which others must be able to write.
            None if pass_through or function_runner else faults,
        ),
        known_causes,
    )
    shared.subscribe_to_next_due_time(RETRIES_DUE, pipeline.retries.set_next_due_time)
    shared.subscribe_to_next_due_time(JOURNEY_RUNS_DUE, runs.cache_next_due_time)
    queue = DeliveryQueue(
        pipeline, store, partial(_is_workspace_current, workspace_version, shared)
    )
    if config.asynchronous:
        queue.start_worker()
    return SandboxServices(
        config=config,
        workspace=workspace,
        sources=workspace.sources,
        workspace_version=workspace_version,
        engine=engine,
        store=store,
        profiles=profiles,
        shared_state=shared,
        endpoint=endpoint,
        insider_panel=panel,
        pipeline=pipeline,
        destination_overrides=DestinationOverrides(
            workspace.destination,
            DestinationChangesStore(engine),
            pipeline,
            shared.create_state_guard,
            original_identifiers=workspace.identifiers,
            use_identifiers=endpoint.replace_identifiers,
            clock=clock,
        ),
        known_causes=known_causes,
        clock=clock,
        journeys=journeys,
        token_issuer=TokenIssuer(workspace.account_key, workspace.oauth_application),
        assets=assets,
        segment_faults=SegmentFaultQueue(shared.create_state_guard),
        insider_faults=faults,
        differences=differences,
        pass_through=pass_through,
        queue=queue,
        message_sink=queue if config.asynchronous else pipeline,
        retention_worker=_build_retention_worker(config, state),
        function_runner=function_runner,
    )


def _build_insider_account(
    config: Config, workspace: Workspace, state: SandboxState
) -> tuple[InsiderApi, JourneyRunner, IntegrationPanel]:
    """Create the emulated Insider One account: endpoint, journeys and panel."""
    name, key = workspace.account_name, workspace.account_key
    guard_factory = state.shared_state.create_state_guard
    definitions = workspace.document.get("insider", {}).get("journeys", ())
    journeys = JourneyRunner(
        parse_journeys(definitions), state.journey_runs, state.profiles, state.clock
    )
    panel = IntegrationPanel(
        name, key, IntegrationStore(state.engine), state.clock, guard_factory=guard_factory
    )
    endpoint = InsiderApi(
        name,
        key,
        workspace.identifiers,
        state.profiles,
        state.clock,
        workspace.insider_options,
        callback_hosts=_list_allowed_hosts(config, workspace.insider_options.error_callback_hosts),
        contact_keys=workspace.contact_keys,
        explain_token_rejection=panel.explain_key_rejection,
        on_change=journeys.handle_profile_changes,
        guard_factory=guard_factory,
    )
    return endpoint, journeys, panel


def _list_allowed_hosts(config: Config, listed: tuple[str, ...]) -> CallbackHosts:
    """Return for the app's composition the hosts to which callbacks and functions may go.

    Args:
        listed: By the workspace. On a shared emulator, no machine near it can be among them.
    """
    is_shared = config.teams or config.password or not is_loopback_host(config.host)
    allowed = config.callback_hosts if is_shared else (*config.callback_hosts, *listed)
    return CallbackHosts(listed, allowed, config.port)


def _is_workspace_current(
    workspace_version: WorkspaceVersion, shared_state: ReplicatedState
) -> bool:
    shared_state.refresh_from_database()
    return not workspace_version.is_stale


def _build_retention_worker(config: Config, state: SandboxState) -> RetentionWorker | None:
    limits = RetentionLimits(config.keep_days, config.keep_messages, config.keep_bytes)
    if not limits:
        return None
    return RetentionWorker(
        RetentionSchedule(
            MessageRetention(state.engine, limits, state.clock), state.store.pool_usage
        )
    )


def _get_real_insider_account(config: Config) -> RealAccount | None:
    if config.insider_url is None:
        return None
    return RealAccount(config.insider_url, config.insider_account, config.insider_key)
