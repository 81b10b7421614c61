"""`--plan` says what would be done and does nothing; the audit tells what was done."""

from __future__ import annotations

from pathlib import Path

from tests.installation import ECHO, Installation, write_flow


def test_a_deploy_is_planned_then_done_and_told_by_the_audit(own_flowstead: Installation, tmp_path: Path) -> None:
    flow = str(write_flow(tmp_path / "flow", ECHO))
    planned = own_flowstead.run("deploy", flow, "--endpoint", "target", "--plan").stdout
    assert planned.splitlines()[0].split() == ["create", "onlineEndpoints/target"]
    assert "create   onlineEndpoints/target/deployments/blue" in planned
    assert "properties.traffic.blue: nothing → 100" in planned
    assert planned.endswith("Nothing has been changed.\n")
    assert own_flowstead.json("online-endpoint", "list") == []

    own_flowstead.run("deploy", flow, "--endpoint", "target")
    records = own_flowstead.json("audit", "list", "--resource", "onlineEndpoints/target", "--since", "1h")
    assert {each["outcome"] for each in records} == {"Succeeded"}
    assert sorted(each["action"] for each in records if each["action"] != "putSecret") == ["create", "create", "update"]

    again = own_flowstead.json("deploy", flow, "--endpoint", "target", "--plan")
    assert [each["action"] for each in again["resources"]] == ["create", "overwrite"]

    yaml = tmp_path / "deployment.yml"
    yaml.write_text(f"name: blue\nendpoint_name: target\nmodel:\n  path: {flow}\n")
    many = own_flowstead.run(
        "online-deployment", "create", "-f", str(yaml), "--set", "instance_count=50", "instance_type=Standard_F72s_v2",
        "--plan", check=False,
    )  # fmt: skip
    assert many.returncode == 1
    assert "OutOfQuota" in many.stdout
    moved = own_flowstead.run(
        "online-endpoint", "update", "-n", "target", "--traffic", "blue=50", "--plan", check=False
    )
    assert moved.returncode == 1
    assert "REFUSED  onlineEndpoints/target" in moved.stdout
    assert len(own_flowstead.json("model", "list")) == 1


def test_garbage_is_told_before_it_is_removed_and_what_serves_stays(
    own_flowstead: Installation, tmp_path: Path
) -> None:
    flow = str(write_flow(tmp_path / "flow", ECHO))
    own_flowstead.run("deploy", flow, "--endpoint", "target")
    own_flowstead.run(
        "model", "create", "--name", "spare", "--path", str(write_flow(tmp_path / "spare", ECHO + "# other\n"))
    )
    assert own_flowstead.json("gc")["value"] == []
    own_flowstead.api("DELETE", "/models/spare")
    [told] = own_flowstead.json("gc", "--dry-run")["value"]
    assert told["kind"] == "content"
    assert (own_flowstead.home / "models" / told["name"]).is_dir()
    shown = own_flowstead.run("gc", "--dry-run", "-o", "table").stdout.splitlines()
    assert shown[0].split() == ["Kind", "Name", "Size", "Reason"], shown
    assert "1 thing, " in own_flowstead.run("gc").stdout
    assert not (own_flowstead.home / "models" / told["name"]).exists()
    key = own_flowstead.keys("target")["primaryKey"]
    assert own_flowstead.score("target", {"text": "x"}, key).status_code == 200
