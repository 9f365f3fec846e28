"""Other people's tools on what operators install: Prometheus' promtool, Helm's own library, the schemas
of Kubernetes, systemd's analyzer. Each says what it looked at; a tool that is missing is a failure."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import helm_python
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
KUBERNETES = "1.31"
# Of 10, smaller is better; systemd calls 2 and less "OK".
EXPOSURE_MAX = 2.0

# What Grafana puts in before it asks.
GRAFANA = {"$instance": "a", "$__rate_interval": "1m"}

# Values that switch on what is off by default.
EVERYTHING = {
    "sites": [{"name": "magazine", "port": 4020}],
    "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "networkPolicy": {"egress": [{"ports": [{"port": 8080, "protocol": "TCP"}]}]},
    "env": [{"name": "RUST_LOG", "value": "info"}],
    "nodeSelector": {"disk": "local"},
    "podAnnotations": {"a": "b"},
    "persistence": {"storageClass": "local", "annotations": {"c": "d"}},
}


def run(*line, **options):
    done = subprocess.run(line, capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, line))}\n{done.stdout}{done.stderr}")
    return done.stdout


def known_metrics():
    """The table of docs/reference/metrics.md, which a test of the node compares with what it says."""
    text = (ROOT / "docs/reference/metrics.md").read_text()
    known = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.M))
    assert len(known) > 20, known
    suffixes = {"histogram": ("_bucket", "_sum", "_count")}
    return {name + end for name, kind in known.items() for end in suffixes.get(kind, ("",))}


def names(expression):
    """Names of metrics in an expression: words that have our prefixes."""
    return set(re.findall(r"\b(?:farthing|process)_\w+", expression))


def rules():
    folder = PACKAGING / "prometheus"
    run("promtool", "check", "config", "scrape.yaml", cwd=folder)
    run("promtool", "check", "rules", "alerts.yaml", cwd=folder)
    run("promtool", "test", "rules", "alerts.test.yaml", cwd=folder)
    groups = yaml.safe_load((folder / "alerts.yaml").read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]
    tested = yaml.safe_load((folder / "alerts.test.yaml").read_text())["tests"]
    tested = {case["alertname"] for test in tested for case in test["alert_rule_test"]}
    guide = (ROOT / "docs/guides/run-in-production.md").read_text()
    for alert in alerts:
        assert alert["alert"] in tested, f"{alert['alert']} has no test"
        assert f"`{alert['alert']}`" in guide, f"{alert['alert']} is not in the guide"
        unknown = names(alert["expr"]) - known_metrics()
        assert not unknown, f"{alert['alert']} asks for {unknown}"
    return f"{len(alerts)} alert rules"


def dashboard():
    """Every query is an expression that Prometheus takes, over metrics that the node has."""
    board = json.loads((PACKAGING / "grafana/farthing.json").read_text())
    asked = [t["expr"] for panel in board["panels"] for t in panel.get("targets", [])]
    for variable, value in GRAFANA.items():
        asked = [expression.replace(variable, value) for expression in asked]
    unknown = set().union(*map(names, asked)) - known_metrics()
    assert not unknown, f"the dashboard asks for {unknown}"
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places), "two panels lie on each other"
    rules = [{"record": f"r{i}", "expr": expression} for i, expression in enumerate(asked)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        run("promtool", "check", "rules", file.name)
    return f"{len(asked)} queries of the dashboard"


def chart():
    path = str(PACKAGING / "helm/farthing")
    # 1 is "info": Helm would like an icon.
    found = [m for m in helm_python.lint(path)["messages"] if m["severity"] > 1]
    assert not found, found
    count = 0
    with helm_python.Chart.load(path) as loaded:
        for values in ({}, EVERYTHING, {"networkPolicy": {"enabled": False}}):
            documents = []
            for name, text in loaded.render(values, name="demo", namespace="prod").items():
                if name.endswith(".yaml"):
                    documents += [found for found in yaml.safe_load_all(text) if found]
            count += len(documents)
            check_objects(documents)
        kinds = {document["kind"] for document in documents}
        assert "NetworkPolicy" not in kinds and "StatefulSet" in kinds, kinds
        for wrong in ({"config": "[node]"}, {"sites": [{"name": "A B", "port": 1}]}):
            try:
                loaded.validate_schema(wrong)
            except helm_python.HelmError:
                continue
            sys.exit(f"the chart takes {wrong}")
    return f"{count} objects of the chart"


def check_objects(documents):
    for document in documents:
        if document["kind"] != "ServiceMonitor":  # a custom resource, not of Kubernetes itself
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
    (stateful,) = [d for d in documents if d["kind"] == "StatefulSet"]
    pod = stateful["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    assert stateful["spec"]["replicas"] == 1
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    for service in (d for d in documents if d["kind"] == "Service"):
        selector = service["spec"]["selector"].items()
        assert selector <= pod["metadata"]["labels"].items(), service["metadata"]
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports, port
    for monitor in (d for d in documents if d["kind"] == "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        met = [d for d in documents if d["kind"] == "Service" and wanted <= d["metadata"]["labels"].items()]
        assert len(met) == 1, "the monitor reads exactly one service"
        offered = {port["name"] for port in met[0]["spec"]["ports"]}
        assert {end["port"] for end in monitor["spec"]["endpoints"]} <= offered


def units():
    """systemd reads the units as they are, with a program in the place of ours."""
    folder = PACKAGING / "systemd"
    found = sorted(path for path in folder.iterdir() if path.suffix in (".service", ".timer"))
    with tempfile.TemporaryDirectory() as copy:
        for unit in found:
            text = unit.read_text().replace("/usr/bin/farthing", "/bin/true")
            (Path(copy) / unit.name).write_text(text)
        for unit in found:
            done = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", Path(copy) / unit.name],
                capture_output=True,
                text=True,
            )
            ours = [line for line in done.stderr.splitlines() if "farthing" in line]
            assert not ours, "\n".join(ours)
    report = run(
        "systemd-analyze", "security", "--offline=yes", "--no-pager", folder / "farthing.service"
    )
    (level,) = re.findall(r"exposure level for farthing.service: ([\d.]+)", report)
    assert float(level) <= EXPOSURE_MAX, f"exposure {level}"
    return f"{len(found)} units, exposure {level} of 10"


def image():
    """What the image is built from exists, and it does not run as root."""
    text = (PACKAGING / "docker/Dockerfile").read_text()
    assert re.search(r"^USER 10001", text, re.M) and "HEALTHCHECK" in text
    kept = (PACKAGING / "docker/Dockerfile.dockerignore").read_text().splitlines()
    for name in (line[1:] for line in kept if line.startswith("!")):
        assert (ROOT / name).exists(), f"{name} is not there"
    manifest = (ROOT / "Cargo.toml").read_text()
    (members,) = re.findall(r"^members = (\[.*\])", manifest, re.M)
    for member in json.loads(members):
        top = member.split("/")[0]
        assert f"!{top}" in kept, f"the workspace's {top} is left out of the build"
    version = re.search(r'^version = "(.*)"', manifest, re.M)[1]
    charted = yaml.safe_load((PACKAGING / "helm/farthing/Chart.yaml").read_text())["appVersion"]
    assert charted == version, f"the chart is of {charted}, the program of {version}"
    rust = yaml.safe_load(re.search(r'channel = (".*")', (ROOT / "rust-toolchain.toml").read_text())[1])
    assert f"FROM rust:{rust.removesuffix('.0')}" in text, f"the tool chain is {rust}"
    return "the image's recipe"


if __name__ == "__main__":
    for check in (rules, dashboard, chart, units, image):
        print(f"{check.__name__}: {check()}")
