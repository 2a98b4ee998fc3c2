"""The command `emulator plan infer`: a tracking plan from traffic."""

import json
from pathlib import Path

import click

from segment_insider_emulator.analysis.plan_inference import infer_tracking_plan
from segment_insider_emulator.cli.inputs import read_traffic
from segment_insider_emulator.terminal_output import write_output


@click.command("infer", epilog="Example: emulator plan infer events.ndjson --output plan.json")
@click.argument("traffic")
@click.option("--name", default="Inferred plan", show_default=True, help="Name of the plan.")
@click.option("--output", type=click.Path(path_type=Path), help="Write it to this file.")
def infer_command(traffic: str, name: str, output: Path | None) -> None:
    """Make a tracking plan from TRAFFIC, as Segment's Public API answers one (JSON).

    TRAFFIC is a file of events, the address of a running emulator, or its database. What all events
    of a name have becomes required: review it, then name the file as trackingPlan in the workspace.
    Exits 2 when the traffic cannot be read or has no events.
    """
    plan = infer_tracking_plan(read_traffic(traffic), name)
    text = json.dumps(plan, indent=2, ensure_ascii=False) + "\n"
    rules = len(plan["data"]["rules"])
    write_output(text, output)
    click.echo(f"{traffic}: {rules} rule{'' if rules == 1 else 's'}; review them", err=True)
