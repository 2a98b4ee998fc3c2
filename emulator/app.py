"""The application: what the parts are and how they meet, nothing else."""

from pathlib import Path

from flask import Flask

from emulator import answers
from emulator.capture.database import connect
from emulator.capture.differences import Differences
from emulator.capture.profiles import ProfileStore
from emulator.capture.store import Store
from emulator.clock import Clock, utc_now
from emulator.config import Config
from emulator.delivery.faults import Faults as InsiderFaults
from emulator.delivery.gate import compile_gate
from emulator.delivery.passthrough import Credentials, PassThrough
from emulator.delivery.policy import Policy
from emulator.delivery.queue import Queue
from emulator.delivery.road import Road
from emulator.delivery.senders import Remote
from emulator.guard import guard
from emulator.harness import delivery, front, segment_faults
from emulator.harness import routes as harness
from emulator.insider import routes as insider
from emulator.insider.endpoint import Endpoint
from emulator.mapping import Destination
from emulator.parts import Parts
from emulator.segment import routes as segment
from emulator.segment.assets import Assets
from emulator.segment.faults import Faults
from emulator.segment.oauth import Tokens
from emulator.workspace import Workspace

LARGEST_REQUEST = 16 * 1024 * 1024  # bytes; each side has its own, smaller limits


def create_app(config: Config, workspace: Workspace, *, clock: Clock = utc_now) -> Flask:
    """One emulator of *workspace*.

    Raises: EmulatorError, when the database cannot be opened or the workspace not compiled.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.extensions["emulator"] = _parts(config, workspace, clock)
    app.before_request(guard(config.host))
    answers.register(app)
    for side in (segment, insider, harness, delivery, segment_faults, front):
        app.register_blueprint(side.bp)
    return app


def _parts(config: Config, workspace: Workspace, clock: Clock) -> Parts:
    engine = connect(config.db)
    store, profiles = Store(engine), ProfileStore(engine)
    endpoint = Endpoint(
        workspace.account_name, workspace.account_key, workspace.identifiers, profiles, clock
    )
    differences, faults = Differences(engine), InsiderFaults(clock, config.seed)
    pass_through = _pass_through(config, endpoint, differences, clock)
    sender = faults.before(pass_through or endpoint.answer)
    source = workspace.document.get("source", {})
    gate = compile_gate(source, workspace.destination, workspace.plan, config.seed)
    destination, policy = Destination(workspace.destination), Policy(config.seed)
    road = Road(destination, sender, store, clock, gate, policy)
    return Parts(
        config,
        workspace,
        store,
        profiles,
        endpoint,
        road,
        clock,
        Tokens(workspace.account_key, workspace.oauth),
        Assets(Path(config.cache).expanduser()),
        Faults(),
        faults,
        differences,
        pass_through,
        Queue(road, store) if config.asynchronous else None,
    )


def _pass_through(
    config: Config, endpoint: Endpoint, differences: Differences, clock: Clock
) -> PassThrough | None:
    if config.insider_url is None:
        return None
    credentials = Credentials(config.insider_account, config.insider_key)
    real = Remote(config.insider_url)
    return PassThrough(real, endpoint.answer, credentials, differences, clock)
