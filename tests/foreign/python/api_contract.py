"""Schemathesis against a running node, as the operator: what the OpenAPI document says is what is there.

Needs FARTHING_NODE_URL and FARTHING_DEMO_DATA. No answer may be a server error, no answer may differ from
its schema, and no request that breaks its schema may be taken. Priced routes of the demo's sites stand
in the document as well; they are not the node's and are left out.
"""

import os
import pathlib
import subprocess
import sys

# Cases for each operation and phase: about a minute in all.
EXAMPLES = 8
# Ids and signatures that are well formed and stand for nothing are refused, and rightly so.
LEFT_OUT = "positive_data_acceptance"
OWN_PATHS = r"^/(v1|log|discovery|\.well-known)/|^/(verify|settle|supported|openapi\.json|healthz|readyz)$"


def main() -> int:
    node = os.environ["FARTHING_NODE_URL"]
    token = (pathlib.Path(os.environ["FARTHING_DEMO_DATA"]) / "operator.token").read_text().strip()
    program = pathlib.Path(sys.executable).parent / "schemathesis"
    command = [
        str(program),
        "run",
        f"{node}/openapi.json",
        f"--header=Authorization: Bearer {token}",
        f"--include-path-regex={OWN_PATHS}",
        f"--exclude-checks={LEFT_OUT}",
        f"--max-examples={EXAMPLES}",
        "--seed=1",
        "--no-color",
    ]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
