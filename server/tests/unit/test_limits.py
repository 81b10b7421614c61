"""What is written into which file of a control group, where groups may be made, and who gets which processor."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from flowstead.engines.local.sizing import Others, share_of
from flowstead.errors import StartFailed
from flowstead.limits import groups, host
from flowstead.limits.control_groups import mounts_in, place_v2, places_v1
from flowstead.limits.description import Limits, limits_v1, limits_v2, throttling_file
from flowstead.limits.host import Enforcement, Host, Means, find_enforcement, group_prefix, least_used
from flowstead.resources.sizes import size_named
from flowstead.resources.vm_sizes import VmSize

MIB = 1 << 20
HYBRID = """\
24 30 0:22 / /proc rw - proc proc rw
33 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
34 32 0:30 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
42 32 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
CONTAINER = """\
33 32 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu
34 32 0:30 /docker/abc /sys/fs/cgroup/my\\040memory ro - cgroup cgroup rw,memory
"""
HOST = Host((0, 1, 2, 3), 16 << 30, 2)
WATCHED = Enforcement(Means.AFFINITY)


def files(limits: Limits) -> dict[str, str]:
    """Path → text, in the order in which they are written."""
    return {f"{group.path}/{name}": text for group in limits.groups for name, text in (*group.files, *group.wished)}


def test_what_version_2_is_told() -> None:
    limits = limits_v2("/sys/fs/cgroup/user.slice/f.scope", "flowstead-x-i1", cores=0.5, memory_bytes=512 * MIB)
    group = "/sys/fs/cgroup/user.slice/f.scope/flowstead-x-i1"
    assert list(files(limits).items()) == [
        (f"{group}/cpu.max", "50000 100000"),
        (f"{group}/memory.max", "536870912"),
        (f"{group}/memory.oom.group", "1"),
        (f"{group}/memory.swap.max", "0"),
        (f"{group}/pids.max", "4096"),
    ]
    assert (limits.kills, limits.peak) == (f"{group}/memory.events", f"{group}/memory.peak")
    assert throttling_file(limits) == f"{group}/cpu.stat"
    assert not limits.watched


def test_what_version_1_is_told() -> None:
    places = {"cpu": "/sys/fs/cgroup/cpu", "memory": "/sys/fs/cgroup/memory/unit"}
    limits = limits_v1(places, "flowstead-x-i1", cores=4, memory_bytes=8 << 30)
    cpu, memory = "/sys/fs/cgroup/cpu/flowstead-x-i1", "/sys/fs/cgroup/memory/unit/flowstead-x-i1"
    assert list(files(limits).items()) == [
        (f"{cpu}/cpu.cfs_period_us", "100000"),
        (f"{cpu}/cpu.cfs_quota_us", "400000"),
        (f"{memory}/memory.limit_in_bytes", "8589934592"),
        (f"{memory}/memory.memsw.limit_in_bytes", "8589934592"),
    ]
    assert (limits.kills, limits.peak) == (f"{memory}/memory.oom_control", f"{memory}/memory.max_usage_in_bytes")
    assert throttling_file(limits) == f"{cpu}/cpu.stat"


def test_controllers_of_one_mount_share_a_group() -> None:
    limits = limits_v1({"cpu": "/both", "memory": "/both"}, "g", cores=1, memory_bytes=MIB)
    assert [group.path for group in limits.groups] == ["/both/g"]
    assert [name for name, _ in limits.groups[0].files] == [
        "cpu.cfs_period_us", "cpu.cfs_quota_us", "memory.limit_in_bytes",
    ]  # fmt: skip


def test_the_smallest_share_is_one_that_the_kernel_takes() -> None:
    assert files(limits_v2("/p", "g", cores=0.001, memory_bytes=1))["/p/g/cpu.max"] == "1000 100000"


@pytest.mark.parametrize(
    ("mountinfo", "own", "places", "place"),
    [
        (
            HYBRID,
            "5:memory:/system.slice/f.service\n3:cpu,cpuacct:/system.slice/f.service\n0::/system.slice/f.service\n",
            {
                "cpu": "/sys/fs/cgroup/cpu,cpuacct/system.slice/f.service",
                "memory": "/sys/fs/cgroup/memory/system.slice/f.service",
            },
            "/sys/fs/cgroup/unified/system.slice/f.service",
        ),
        (UNIFIED, "0::/user.slice/f.scope\n", None, "/sys/fs/cgroup/user.slice/f.scope"),
        (UNIFIED, "0::/\n", None, "/sys/fs/cgroup"),
        (
            CONTAINER,
            "4:memory:/docker/abc\n3:cpu:/docker/abc/in\n",
            {"cpu": "/sys/fs/cgroup/cpu/in", "memory": "/sys/fs/cgroup/my memory"},
            None,
        ),
        (CONTAINER, "4:memory:/\n3:cpu:/\n", {"cpu": "/sys/fs/cgroup/cpu", "memory": "/sys/fs/cgroup/my memory"}, None),
        ("", "0::/\n", None, None),
        (HYBRID, "", None, None),
    ],
)
def test_groups_are_made_below_ones_own(
    mountinfo: str, own: str, places: dict[str, str] | None, place: str | None
) -> None:
    mounts = mounts_in(mountinfo)
    assert places_v1(mounts, own) == places
    assert place_v2(mounts, own) == place


class Kernel:
    """The files of one group of version 2, which behave as the kernel's do: `processes` in it keep it from giving
    controllers to groups below."""

    def __init__(
        self, top: Path, *, processes: str = "", given: bool = True, controllers: str = "cpu io memory"
    ) -> None:
        self.top, self.given = top, given
        top.mkdir()
        for name, text in (
            ("cgroup.controllers", controllers), ("cgroup.subtree_control", ""), ("cgroup.procs", processes),
            ("cgroup.type", "domain"),
        ):  # fmt: skip
            (top / name).write_text(text)
        self.told: list[tuple[str, str]] = []

    def write(self, path: str, text: str) -> None:
        name = str(Path(path).relative_to(self.top))
        self.told.append((name, text))
        if name == "cgroup.subtree_control" and (self.top / "cgroup.procs").read_text():
            raise OSError(16, "Device or resource busy", path)
        if name == "flowstead.server/cgroup.procs":
            left = (self.top / "cgroup.procs").read_text().split()
            (self.top / "cgroup.procs").write_text(" ".join(pid for pid in left if pid != text))

    def why_not(self, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setattr(groups, "write", self.write)
        monkeypatch.setattr(host, "_is_given", lambda _top: self.given)
        return host.why_not_in(str(self.top))


def test_a_group_of_our_own_is_made_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(tmp_path / "scope")
    assert kernel.why_not(monkeypatch) == ""
    assert kernel.told[0] == ("cgroup.subtree_control", "+cpu +memory")
    assert [name.partition("/")[2] for name, _ in kernel.told[1:]] == ["cpu.max", "memory.max", "memory.oom.group"]
    assert not list(kernel.top.glob("flowstead-probe*"))


def test_processes_move_into_a_leaf_when_the_group_was_given_to_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(tmp_path / "scope", processes="12 34")
    assert kernel.why_not(monkeypatch) == ""
    assert ("flowstead.server/cgroup.procs", "34") in kernel.told
    again = kernel.top / "flowstead.server"
    (again / "cgroup.controllers").write_text("")
    assert host.why_not_in(str(again)) == ""  # the next server looks from inside of the leaf


def test_the_processes_of_others_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(tmp_path / "session", processes="12", given=False)
    assert "was not given to us (systemd: Delegate=yes)" in kernel.why_not(monkeypatch)
    assert (kernel.top / "cgroup.procs").read_text() == "12"


def test_a_missing_controller_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(tmp_path / "scope", controllers="cpu pids")
    assert kernel.why_not(monkeypatch).endswith("has no controller for memory")


def test_the_next_best_is_taken_and_says_why(tmp_path: Path) -> None:
    nothing = find_enforcement((), "")
    assert (nothing.means, nothing.why_not) == (Means.AFFINITY, "cgroup v2 is not mounted")
    there = f"1 1 0:1 / {tmp_path}/no rw - cgroup cgroup rw,cpu,memory\n"
    refused = find_enforcement(mounts_in(there), "1:cpu,memory:/\n")
    assert refused.means is Means.AFFINITY
    assert str(tmp_path) in refused.why_not
    assert find_enforcement((), "", "/proc/self/cgroup: gone").why_not == "/proc/self/cgroup: gone"


@pytest.mark.parametrize(
    ("used", "count", "chosen"),
    [
        ([], 1, (0,)),
        ([(0,)], 1, (1,)),
        ([(0,), (1,), (2,), (3,), (0,)], 2, (1, 2)),
        ([(0, 1), (0, 1)], 2, (2, 3)),
        ([()], 4, ()),
        ([], 9, ()),
    ],
)
def test_instances_are_spread_over_the_processors(
    used: list[tuple[int, ...]], count: int, chosen: tuple[int, ...]
) -> None:
    assert least_used(HOST.processors, used, count) == chosen


def test_a_share_where_time_cannot_be_shared_out() -> None:
    share = share_of(size_named("Flowstead_S"), "g", WATCHED, HOST, Others(cpus=[(0,)]))
    assert share.limits == Limits(512 * MIB, cpus=(1,), watched=True)
    assert share.environment == {"OMP_NUM_THREADS": "1", "PYTHON_CPU_COUNT": "1"}
    assert share.forced == {"CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "void"}
    assert share.throttling == ""


def test_a_share_beyond_the_machine_is_a_ceiling() -> None:
    share = share_of(VmSize("huge", 64, 512), "g", WATCHED, HOST, Others())
    assert share.limits == Limits(512 << 30, cpus=(), watched=True)
    assert share.environment == {}


def test_no_group_of_version_1_is_promised_more_than_those_above_it_have(tmp_path: Path) -> None:
    for folder, quota in ((tmp_path / "cpu", -1), (tmp_path / "cpu/unit", 150_000), (tmp_path / "cpu/unit/ours", -1)):
        folder.mkdir()
        (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (folder / "cpu.cfs_period_us").write_text("100000\n")
    ours = str(tmp_path / "cpu/unit/ours")
    assert [host.most_cores(place) for place in (ours, str(tmp_path / "cpu"), str(tmp_path))] == [1.5, inf, inf]
    places = {"cpu": ours, "memory": ours}
    given = {
        cores: files(limits)[f"{ours}/g/cpu.cfs_quota_us"]
        for cores in (0.5, 4.0)
        if (limits := host.limits_for(Enforcement(Means.CGROUP_V1, places, "", 1.5), "g", cores=cores, memory_bytes=MIB,
                                      cpus=()))
    }  # fmt: skip
    assert given == {0.5: "50000", 4.0: "150000"}


def test_where_nothing_can_be_enforced_nothing_is_told() -> None:
    share = share_of(size_named("Flowstead_S"), "g", Enforcement(Means.NONE), HOST, Others())
    assert (share.limits, share.environment) == (None, {})


def test_accelerators_are_handed_out_and_none_twice_while_one_is_free() -> None:
    one = VmSize("one", 1, 1, gpus=1)
    share = share_of(one, "g", WATCHED, HOST, Others(gpus=[(0,)]))
    assert (share.gpus, share.forced["CUDA_VISIBLE_DEVICES"]) == ((1,), "1")
    both = share_of(VmSize("two", 1, 1, gpus=2), "g", WATCHED, HOST, Others())
    assert both.forced["CUDA_VISIBLE_DEVICES"] == "0,1"
    with pytest.raises(StartFailed, match="has 3 accelerators, this machine 2"):
        share_of(VmSize("three", 1, 1, gpus=3), "g", WATCHED, HOST, Others())


def test_groups_of_two_homes_never_have_one_name(tmp_path: Path) -> None:
    assert group_prefix(tmp_path / "a") != group_prefix(tmp_path / "b")
    assert group_prefix(tmp_path / "a") == group_prefix(tmp_path / "b/../a")


def test_counters_are_read_as_the_kernel_writes_them(tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    events.write_text("low 0\nhigh 0\nmax 12\noom 2\noom_kill 3\noom_group_kill 1\n")
    control = tmp_path / "memory.oom_control"
    control.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    assert (groups.kills(str(events)), groups.kills(str(control)), groups.kills("/no")) == (3, 1, 0)
    (tmp_path / "peak").write_text("536870912\n")
    assert groups.number(str(tmp_path / "peak")) == 536870912
    assert groups.number("/no") is None
