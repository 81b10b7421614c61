"""A deployment that an autoscale setting drives, made with the unmodified `azure-mgmt-monitor`."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from tests.installation import ECHO, ROOT, WORKSPACE, Installation, eventually
from tests.pinned_environment import python_with
from tests.steady_traffic import Traffic
from tests.system.test_scaling import Site

BUSY = ECHO.replace("@tool\n", "import time\n\n\n@tool\n", 1).replace(
    "    return",
    "    end = time.process_time() + 0.024\n    while time.process_time() < end:\n        pass\n    return",
    1,
)
"""Each request takes 24 ms of a core."""
SIGNED_IN, PUT = "docs/guide/azure-ml.md", "docs/guide/scaling.md"


def block_of(page: str) -> str:
    """The page's one block of Python."""
    [block] = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.M | re.S)
    return str(block)


def put_setting(flowstead: Installation, folder: Path) -> str:
    """As the pages say, but that a minute passes in a second; returns the setting's id."""
    code = block_of(SIGNED_IN) + block_of(PUT)
    for said, here in (
        ("https://127.0.0.1:8443", flowstead.tls_url),
        ('Path.home() / ".flowstead"', f"Path({str(flowstead.home)!r})"),
        ("timedelta(minutes=1)", "timedelta(seconds=1)"),
    ):
        assert said in code
        code = code.replace(said, here)
    (folder / "page.py").write_text(code)
    python = python_with("azure-ai-ml", Path(__file__).parent / "azure-ai-ml.txt", sys.executable)
    done = subprocess.run(
        [str(python), str(folder / "page.py")],
        env={
            "HOME": str(folder),
            "ARM_CLOUD_METADATA_URL": f"{flowstead.tls_url}/metadata/endpoints?api-version=2019-05-01",
            "REQUESTS_CA_BUNDLE": str(flowstead.home / "tls" / "ca.pem"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


def test_it_grows_by_its_cpu_and_shrinks_by_its_requests(own_flowstead: Installation, tmp_path: Path) -> None:
    own_flowstead.down()
    own_flowstead.up("--autoscale-grain", "1")
    site = Site(own_flowstead, "chat", tmp_path, BUSY, instanceType="Flowstead_XS")
    with Traffic(site.url, site.key, rate=10, callers=100) as traffic:
        traffic.passes(5, "traffic flows")
        setting, began = put_setting(own_flowstead, tmp_path), time.monotonic()
        eventually("there are two", lambda: site.stands() == (2, 2, "Succeeded"), within=60)
        print(f"\n1 → 2 in {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    eventually("there is one again", lambda: site.stands() == (1, 1, "Succeeded"), within=60)
    print(f"2 → 1 in {time.monotonic() - began:.1f} s; {dict(traffic.outcomes)}")
    assert set(traffic.outcomes) == {"200"}
    shown = own_flowstead.api("GET", site.blue).json()["properties"]["scaling"]
    assert shown["autoscaleSetting"] == setting
    fewer, more = [each["detail"] for each in own_flowstead.json("audit", "list", "--action", "scale")]
    assert more.startswith("CpuUtilizationPercentage "), more
    assert more.endswith(" > 50 over 5 s: 1 → 2"), more
    assert fewer.startswith("RequestsPerMinute "), fewer
    assert fewer.endswith(" < 60 over 5 s: 2 → 1"), fewer
    site.delete()
    listed = own_flowstead.client()
    with listed:
        group = WORKSPACE.partition("/providers/")[0]
        answer = listed.get(f"{own_flowstead.url}{group}/providers/Microsoft.Insights/autoscaleSettings")
    assert answer.json()["value"] == [], "it goes with its deployment"
