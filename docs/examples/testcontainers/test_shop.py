"""An app that sends to Segment, tested against an emulator in a container (testcontainers 4.15).

docker build -t segment-emulator -f docs/examples/Containerfile .  # in a checkout of it
pip install pytest requests testcontainers && pytest test_shop.py
"""

import os
from collections.abc import Iterator

import pytest
import requests
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

IMAGE = os.environ.get("EMULATOR_IMAGE", "segment-emulator")
PORT = 8282


@pytest.fixture(scope="session")
def emulator_url() -> Iterator[str]:
    """Start the emulator once for all tests; stop it at the end."""
    container = (
        DockerContainer(IMAGE)
        .with_exposed_ports(PORT)
        .waiting_for(HttpWaitStrategy(PORT, "/emulator/v1/health").for_status_code(200))
    )
    with container:
        yield f"http://{container.get_container_host_ip()}:{container.get_exposed_port(PORT)}"


@pytest.fixture
def sandbox(emulator_url: str) -> Iterator[dict[str, str]]:
    """Give each test an emulator of its own, with its address and write key."""
    sandboxes = f"{emulator_url}/emulator/v1/sandboxes"
    created = requests.post(sandboxes, json={}, timeout=10).json()
    # The container does not know its address out here.
    yield {**created, "url": f"{emulator_url}/sandboxes/{created['id']}"}
    requests.delete(f"{sandboxes}/{created['id']}", timeout=10)


def test_an_order_is_a_purchase(sandbox: dict[str, str]) -> None:
    # In place of your app, which needs only the address and the write key.
    mug = {"product_id": "mug", "name": "Mug", "price": 8.5, "quantity": 1}
    order = {"order_id": "o-17", "currency": "EUR", "products": [mug]}
    call = {"userId": "ada", "event": "Order Completed", "properties": order}
    requests.post(
        f"{sandbox['url']}/v1/track", json=call, auth=(sandbox["writeKey"], ""), timeout=10
    )

    claim = {"of": "deliveries", "where": {"event": "Order Completed"}, "exactly": 1}
    answer = requests.post(
        f"{sandbox['url']}/emulator/v1/wait-for", json={**claim, "timeout": "5 s"}, timeout=20
    )
    assert answer.json()["ok"], answer.json()
