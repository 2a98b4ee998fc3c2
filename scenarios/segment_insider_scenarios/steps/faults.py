"""What goes wrong on purpose, at Segment's end or at Insider One's."""

from pytest_bdd import given, when

from segment_insider_scenarios import parsers
from segment_insider_scenarios.scene import ScenarioContext


@given(parsers.StepPattern("Insider One answers the next {count:d} requests with {status:d}"))
@given(parsers.StepPattern("Insider One answers the next request with {status:d}"))
def insider_one_fails_with_status(scene: ScenarioContext, status: int, count: int = 1) -> None:
    """A status such as 503 or 429, in place of what it would say; it takes none of them."""
    scene.add_fault({"status": status, "times": count})


@given(parsers.StepPattern("Insider One does not answer the next {count:d} requests"))
@given("Insider One does not answer the next request")
def insider_one_times_out(scene: ScenarioContext, count: int = 1) -> None:
    """Segment waits ten seconds and gives up; nobody waits here."""
    scene.add_fault({"timeout": True, "times": count})


@given(parsers.StepPattern("Insider One takes the next {count:d} requests and the answer is lost"))
@given("Insider One takes the next request and the answer is lost")
def insider_one_response_is_lost(scene: ScenarioContext, count: int = 1) -> None:
    """Segment tries again what Insider One has already."""
    scene.add_fault({"drop": True, "taken": True, "times": count})


@given(parsers.StepPattern("Segment answers the next {count:d} requests with {status:d}"))
@given(parsers.StepPattern("Segment answers the next request with {status:d}"))
def segment_fails_with_status(scene: ScenarioContext, status: int, count: int = 1) -> None:
    """A status such as 429 or 500; what was sent is not taken."""
    scene.add_fault({"status": status, "times": count}, segment=True)


@given("nothing goes wrong any more")
@when("nothing goes wrong any more")
def clears_faults(scene: ScenarioContext) -> None:
    """Faults that are still to come do not; what waits for another attempt goes on waiting."""
    scene.clear_faults()


@given("Segment tries again what failed")
@when("Segment tries again what failed")
def segment_retries_failed_requests(scene: ScenarioContext) -> None:
    """At once, whenever its next attempt would be."""
    scene.emulator.client.retry_deliveries()
