"""Metrics of an emulator for Prometheus: the address /metrics, and what it counts and measures.

Labels are names of this emulator: routes, methods, statuses and verdicts. No text of a request is
ever a label, so their number is bounded.
"""

import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, request

from segment_insider_emulator import __version__
from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.errors import ConflictError, EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.web.access import METRICS_PATH, current_caller
from segment_insider_emulator.web.json_errors import build_json_error_response
from segment_insider_emulator.web.sandbox_registry import SandboxRegistry
from segment_insider_emulator.web.services import SandboxServices
from segment_insider_emulator.web.tracking_calls import PLAIN_CALL_PATHS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from prometheus_client import Metric

ROUTE_KEY: Final = "emulator.route"  # in a WSGI environment: the rule of the URL that Flask found
UNKNOWN_ROUTE: Final = "unknown"
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
AREAS: Final = (  # of the latencies, by the beginning of a route
    ("/v1/", "segment"),
    ("/api/user/v1/", "insider"),
    ("/emulator/v1/", "control"),
    ("/mcp", "mcp"),
    (METRICS_PATH, "metrics"),
)


class EmulatorMetrics:
    """Counters and histograms of one emulator.

    Raises: EmulatorError, when the extra `metrics` is not installed.
    """

    def __init__(self) -> None:
        if find_spec("prometheus_client") is None:
            remedy = "Install the extra: pip install 'segment-insider-emulator[metrics]'."
            what = "the library prometheus-client is not installed"
            raise EmulatorError(what, "--metrics", remedy)
        from prometheus_client import CollectorRegistry, Counter, Histogram, Info

        self.registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Counter(
            "emulator_requests", "Requests by route and status.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "emulator_request_seconds",
            "Seconds until the answer of a request begins.",
            ("area",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._verdicts = Counter(
            "emulator_messages",
            "Verdicts of messages; a message that is retried counts again at its end.",
            ("verdict",),
            registry=self.registry,
        )
        build = {"version": __version__, "python": platform.python_version()}
        Info("emulator_build", "Version of the emulator.", registry=self.registry).info(build)

    def count_verdict(self, verdict: str) -> None:
        """Count a message that got a verdict."""
        self._verdicts.labels(verdict).inc()

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request, and how long it took."""
        known = method if method in METHODS else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(_find_area(route)).observe(seconds)


class MetricsMiddleware:
    """WSGI middleware that counts all requests of an app, also those that Flask does not see."""

    def __init__(
        self,
        application: Callable[..., Any],
        metrics: EmulatorMetrics,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._application, self._metrics, self._stopwatch = application, metrics, stopwatch

    def __call__(self, environ: "WSGIEnvironment", start_response: Any) -> Iterable[bytes]:
        started, statuses = self._stopwatch(), [str(HTTPStatus.INTERNAL_SERVER_ERROR.value)]

        def record_status(status: str, *others: Any) -> Any:
            statuses[0] = status[:3]
            return start_response(status, *others)

        try:
            response: Iterable[bytes] = self._application(environ, record_status)
        finally:
            seconds = self._stopwatch() - started
            path: str = environ["PATH_INFO"]
            route = path if path in PLAIN_CALL_PATHS else environ.get(ROUTE_KEY, UNKNOWN_ROUTE)
            method = environ["REQUEST_METHOD"]
            self._metrics.count_request(route, method, int(statuses[0]), seconds)
        return response


class SandboxCollector:
    """Collector of what the sandboxes of an emulator have at the moment.

    On PostgreSQL it reads the default sandbox alone: each other one would open connections.
    """

    def __init__(self, registry: SandboxRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator["Metric"]:
        """Yield the gauges; a sandbox that is being deleted, or has no database, is left out."""
        sandboxes = self._registry.list_sandboxes()
        read = sandboxes[:1] if self._registry.is_multi_process else sandboxes
        sums = dict.fromkeys(GAUGES, 0.0)
        for sandbox in read:
            with suppress(TemporarilyUnavailable, ConflictError):
                for name, value in _measure_sandbox(sandbox.services).items():
                    is_age = name.endswith("_seconds")
                    sums[name] = max(sums[name], value) if is_age else sums[name] + value
        yield _build_gauge("emulator_sandboxes", "Sandboxes.", len(sandboxes))
        for name, value in sums.items():
            yield _build_gauge(name, GAUGES[name], value)


GAUGES: Final = {
    "emulator_queue_messages": "Messages that were acknowledged and wait for delivery.",
    "emulator_queue_oldest_seconds": "How long the oldest of them waits.",
    "emulator_retries_waiting": "Requests to Insider One that wait for another attempt.",
    "emulator_retries_overdue_seconds": "How long the first of them is overdue.",
    "emulator_stored_messages": "Messages in the database.",
    "emulator_stored_deliveries": "Deliveries in the database.",
    "emulator_database_bytes": "Bytes of the database on disk, in memory those in use.",
}


def _measure_sandbox(services: SandboxServices) -> dict[str, float]:
    store, now = services.store, services.clock()
    size = store.measure_database_size()
    queued_at = store.message_queue.find_oldest_time()
    due_at = store.upserts.find_next_retry_time()
    overdue = 0.0
    if due_at and due_at <= format_iso_utc(now):
        overdue = (now - datetime.fromisoformat(due_at)).total_seconds()
    waiting = (now - datetime.fromisoformat(queued_at)).total_seconds() if queued_at else 0.0
    return {
        "emulator_queue_messages": store.message_queue.count_queued_messages(),
        "emulator_queue_oldest_seconds": max(waiting, 0.0),
        "emulator_retries_waiting": store.upserts.count_pending_upserts(),
        "emulator_retries_overdue_seconds": overdue,
        "emulator_stored_messages": size.messages,
        "emulator_stored_deliveries": size.deliveries,
        "emulator_database_bytes": size.used_bytes if size.file_bytes is None else size.file_bytes,
    }


def _build_gauge(name: str, text: str, value: float) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, text, value)


def _find_area(route: str) -> str:
    known = (area for start, area in AREAS if route.startswith(start))
    return next(known, UNKNOWN_ROUTE if route == UNKNOWN_ROUTE else "pages")


def install_metrics(app: Flask, metrics: EmulatorMetrics, registry: SandboxRegistry) -> None:
    """Count the requests of a Flask *app*, and answer METRICS_PATH."""
    metrics.registry.register(SandboxCollector(registry))

    def answer_metrics() -> Response:
        """Flask view: return all metrics in the text format of Prometheus."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        if current_caller().team is not None:
            what, remedy = "metrics are the operator's", "Use the emulator's password."
            return build_json_error_response(403, what, METRICS_PATH, remedy)
        return Response(generate_latest(metrics.registry), content_type=CONTENT_TYPE_LATEST)

    def remember_route(response: Response) -> Response:
        """Flask hook: remember the rule of the URL, without the values in it."""
        request.environ[ROUTE_KEY] = request.url_rule.rule if request.url_rule else UNKNOWN_ROUTE
        return response

    app.add_url_rule(METRICS_PATH, "metrics", answer_metrics)
    app.after_request(remember_route)
    middleware = MetricsMiddleware(app.wsgi_app, metrics)
    app.wsgi_app = middleware  # type: ignore[method-assign]  # as Flask documents it
