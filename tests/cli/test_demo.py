"""`emulator demo`, run as a user would."""

import json
import re
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
import requests
from forked_commands import run_python_module

DEMO = [sys.executable, "-m", "segment_insider_emulator", "demo"]

# Ctrl-C at the moment at which the demo loads what runs its emulator.
INTERRUPTED_DEMO = """
import signal, sys
class Impatient:
    def find_spec(self, name, *_):
        if name == "segment_insider_scenarios.running_emulator":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Impatient())
from segment_insider_emulator.cli import main
main(["demo"])
"""


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python_module("segment_insider_emulator", "demo", *arguments)


@pytest.fixture(scope="module")
def summary() -> Any:
    return json.loads(run_demo("--once", "--json").stdout)


def test_every_call_gets_the_verdict_of_the_guide_preset(summary: Any) -> None:
    outcomes = [
        (
            call["call"],
            call["verdict"],
            [event["event_name"] for user in call["received"] for event in user["events"]],
        )
        for call in summary["calls"]
    ]
    assert outcomes == [
        ("page Home", "accepted", ["homepage_view"]),
        ("track Product List Viewed", "accepted", ["listing_page_view"]),
        ("track Product Viewed", "accepted", ["product_detail_page_view"]),
        ("track Product Viewed", "accepted", ["product_detail_page_view"]),
        ("track Product Added", "accepted", ["item_added_to_cart"]),
        ("track Product Added", "accepted", ["item_added_to_cart"]),
        ("track Cart Viewed", "dropped", []),
        ("track Cart Viewed", "accepted", ["cart_page_view"] * 2),
        ("identify", "failed", []),
        ("identify", "accepted", []),
        ("track Checkout Started", "accepted", ["checkout_page_view"] * 2),
        ("track Order Completed", "accepted", ["confirmation_page_view"] * 2),
        ("track", "rejected", []),
        ("screen Thank you", "not_subscribed", []),
    ]


def test_unread_fields_are_reported(summary: Any) -> None:
    order = next(call for call in summary["calls"] if call["call"] == "track Order Completed")
    assert "properties.gift_wrap" in order["unread"]


def test_the_shopper_has_one_profile_reachable_on_two_channels(summary: Any) -> None:
    profile = summary["profile"]
    assert profile["events"] == {
        "homepage_view": 1,
        "listing_page_view": 1,
        "product_detail_page_view": 2,
        "item_added_to_cart": 2,
        "cart_page_view": 2,
        "checkout_page_view": 2,
        "confirmation_page_view": 2,
        "journey_entered": 2,  # cart abandonment, left by the purchase, and the thank-you
    }
    reached = {channel: reach["reachable"] for channel, reach in profile["reach"].items()}
    assert reached == {"email": True, "sms": True, "whatsapp": False, "web_push": False}


@pytest.mark.extended
def test_a_seed_is_reproducible_and_seeds_differ(summary: Any) -> None:
    first, second = (run_demo("--once", "--json", "--seed", seed).stdout for seed in ("1", "2"))
    assert json.loads(first) == summary
    assert json.loads(second)["profile"]["attributes"] != summary["profile"]["attributes"]


def test_the_summary_shows_what_arrived_and_why_the_rest_did_not() -> None:
    result = run_demo("--once")
    assert (result.returncode, result.stderr) == (0, "")
    for line in (
        r"   8  track Cart Viewed +accepted +cart_page_view p-1 cart-9",
        r"   7  track Cart Viewed \(without cart_id\) +dropped +-",
        r"Problems and their reasons",
        r"      Email Opt-in must be a boolean but it was a string\.",
        r"Properties that no mapping uses",
        r"      properties\.products\[\]\.currency, properties\.gift_wrap",
        r"  channels      email can be reached",
    ):
        assert re.search(f"^{line}$", result.stdout, re.MULTILINE), line
    assert "\x1b" not in result.stdout


@pytest.mark.extended
def test_the_demo_runs_until_it_is_stopped() -> None:
    with subprocess.Popen(
        [*DEMO, "--port", "0"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "\n"
        ready_line = process.stderr.readline()
        url = re.fullmatch(r"Still running at (http://127\.0\.0\.1:\d+)\. .+\n", ready_line)
        assert url, ready_line
        assert "wk_demo" in process.stderr.readline()
        response = requests.get(f"{url[1]}/emulator/v1/profiles", timeout=60)
        assert len(response.json()["profiles"]) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_ctrl_c_during_the_start_is_one_line_and_exit_code_130() -> None:
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_DEMO], capture_output=True, text=True
    )
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "emulator: stopped\n")


def test_a_port_in_use_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = run_demo("--once", "--port", str(port))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"emulator: 127.0.0.1:{port}: cannot listen on this address (Address already in use). "
        "Choose another with --port, or stop the program that uses it.\n"
    )
