#!/usr/bin/env python3
"""A fulfilment command: keeps a file for each trade, and tells how far it is.

Packers see the files in orders/; a line "shipped" or "cancelled" in orders/TRADE.state is told to
the buyer when the server asks the next time. Safe to be asked twice: everything goes by the trade.
"""
import json
import pathlib
import sys

job = json.load(sys.stdin)
folder = pathlib.Path(__file__).resolve().parent / "orders"
folder.mkdir(exist_ok=True)
order, state = folder / f"{job['trade']}.json", folder / f"{job['trade']}.state"
events = []

if job["kind"] in ("hand-over", "changed"):
    order.write_text(json.dumps({"record": job["record"], "ship": job["remaining"]}, indent=2))
if job["kind"] == "hand-over":
    events.append({"track": "order", "state": "preparing"})
elif job["kind"] == "called-off":
    order.unlink(missing_ok=True)
elif job["kind"] == "progress" and state.exists():
    told = state.read_text().strip()
    if told in ("shipped", "cancelled") and job["order"]["state"] != told:
        events.append({"track": "order", "state": told})

print(json.dumps({"version": 1, "events": events}))
