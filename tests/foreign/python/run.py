"""Runs every case against a running demo: FARTHING_SITE_URL is the origin of its gateway,
FARTHING_NODE_URL that of its node, FARTHING_BIN the program.

Prints a line for each case and `N passed, N failed`. Arguments, if given, are words of which a
case's name must contain one.
"""

import faulthandler
import sys
import traceback

import node  # noqa: F401  finds the plug-in of this tree first
import bank_files
import channels
import clients
import log_checks
import log_trees
import log_witnesses
import mcp_sellers
import mcp_tools
import mpp_clients
import mpp_sellers
import sellers
import tools
import upto
import webhooks

CASE_SECONDS_MAX = 300
MODULES = (
    *(clients, upto, sellers, channels, mpp_clients, mpp_sellers, tools),
    *(log_checks, log_trees, log_witnesses, mcp_sellers, mcp_tools, webhooks, bank_files),
)
WORDS = sys.argv[1:]
CASES = [
    (name, run)
    for module in MODULES
    for name, run in module.CASES
    if not WORDS or any(word in name for word in WORDS)
]


def main():
    failed = 0
    for name, run in CASES:
        faulthandler.dump_traceback_later(CASE_SECONDS_MAX, exit=True)
        try:
            run()
            print(f"ok      {name}", flush=True)
        except Exception:  # noqa: BLE001  a case may fail in any way
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
    faulthandler.cancel_dump_traceback_later()
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed or not CASES else 0


if __name__ == "__main__":
    sys.exit(main())
