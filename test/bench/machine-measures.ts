// What is measured of the life of one machine after its launch, and of many at once.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Measure, Sample } from "./measures.ts";
import type { Peer } from "./peers.ts";
import { changeState, create, destroy, importSmall, launch, ok, timed } from "./steps.ts";
import { median } from "./table.ts";

const MiB = 2 ** 20;
const written = 300;

const put = (peer: Peer, body: object) => peer.must("PUT", "/1.0/instances/snap", body);
const copyFrom = (peer: Peer, source: string) =>
  peer.must("POST", "/1.0/instances", { name: "snap-copy", source: { type: "copy", source }, profiles: ["default"] });

/** Snapshots, copies and going back, of a machine that has written much of its own since its launch. */
export const snapshotMeasure: Measure = {
  name: "snapshot",
  rounds: 5,
  prepare: (peer) => launch(peer, "snap"),
  sample: async (peer) => {
    // Anew each time: what a stopped snapshot has taken in is no longer the machine's own.
    await ok(peer.lxc("exec", "snap", "--", "sh", "-c", `dd if=/dev/urandom of=/root/big bs=1M count=${written} 2>/dev/null; sync`));
    const about = `${written} MiB written`;
    const running = await timed(() => peer.must("POST", "/1.0/instances/snap/snapshots", { name: "live" }));
    await changeState(peer, "snap", "stop");
    const stopped = await timed(() => peer.must("POST", "/1.0/instances/snap/snapshots", { name: "still" }));
    const copied = await timed(() => copyFrom(peer, "snap"));
    await peer.must("DELETE", "/1.0/instances/snap-copy");
    const fromSnapshot = await timed(() => copyFrom(peer, "snap/still"));
    await peer.must("DELETE", "/1.0/instances/snap-copy");
    const restored = await timed(() => put(peer, { restore: "still" }));
    for (const name of ["live", "still"]) await peer.must("DELETE", `/1.0/instances/snap/snapshots/${name}`);
    await changeState(peer, "snap", "start");
    return {
      [`snapshot, running, ${about}`]: running, [`snapshot, stopped, ${about}`]: stopped, [`copy, stopped, ${about}`]: copied,
      [`copy of a snapshot, ${about}`]: fromSnapshot, [`restore, stopped, ${about}`]: restored,
    };
  },
  finish: (peer) => destroy(peer, "snap"),
};

/** Changing what a running machine is. */
export const configMeasure: Measure = {
  name: "config",
  prepare: (peer) => launch(peer, "live"),
  sample: async (peer, round) => ({
    "config set limits.memory, API": await timed(() => peer.must("PATCH", "/1.0/instances/live", { config: { "limits.memory": `${512 + (round % 2)}MiB` } })),
    "config set limits.memory, lxc": await timed(() => ok(peer.lxc("config", "set", "live", "limits.memory", `${600 + (round % 2)}MiB`))),
  }),
  finish: (peer) => destroy(peer, "live"),
};

const folderOf = new Map<Peer, string>();

/** The same bytes through Berth's own client. */
const ownClientSample = async (peer: Peer, folder: string): Promise<Sample> => ({
  "exec stdout, 512 MiB, berth": await timed(() => ok(peer.shell("berth exec bytes -- dd if=/dev/zero bs=1M count=512 status=none > /dev/null"))),
  "file push, 256 MiB, berth": await timed(() => ok(peer.client("file", "push", `${folder}/large`, "bytes/root/large"))),
  "file pull, 256 MiB, berth": await timed(() => ok(peer.client("file", "pull", "bytes/root/large", `${folder}/back`))),
});

/** Bytes through exec, files one by one, trees of small files. Milliseconds for all of it. */
export const bytesMeasure: Measure = {
  name: "bytes",
  rounds: 3,
  prepare: async (peer) => {
    await launch(peer, "bytes");
    const folder = mkdtempSync(join(tmpdir(), "berth-bench-"));
    folderOf.set(peer, folder);
    writeFileSync(`${folder}/large`, Buffer.alloc(256 * MiB, "berth"));
    for (let i = 0; i < 100; i++) {
      mkdirSync(`${folder}/tree/${i}`, { recursive: true });
      for (let j = 0; j < 100; j++) writeFileSync(`${folder}/tree/${i}/${j}`, "a small file\n");
    }
  },
  sample: async (peer, round) => {
    const folder = folderOf.get(peer) ?? "";
    const sample: Record<string, number> = {
      "exec stdout, 512 MiB, lxc": await timed(() => ok(peer.shell("lxc exec bytes -- dd if=/dev/zero bs=1M count=512 status=none > /dev/null"))),
      "file push, 256 MiB, lxc": await timed(() => ok(peer.lxc("file", "push", `${folder}/large`, "bytes/root/large"))),
      "file pull, 256 MiB, lxc": await timed(() => ok(peer.lxc("file", "pull", "bytes/root/large", `${folder}/back`))),
      ...(peer.berth ? await ownClientSample(peer, folder) : {}),
    };
    // Each into a place of its own: ext4 takes long to give out inodes that were freed a moment ago.
    const push = async (client: Peer["lxc"], place: string) => {
      await peer.must("POST", `/1.0/instances/bytes/exec`, { command: ["mkdir", place] });
      return timed(() => ok(client("file", "push", "-r", `${folder}/tree`, `bytes${place}/`)));
    };
    sample["push of 10,000 files, lxc"] = await push((...args) => peer.lxc(...args), `/root/lxc-${round}`);
    if (peer.berth) sample["push of 10,000 files, berth"] = await push((...args) => peer.client(...args), `/root/berth-${round}`);
    return sample;
  },
  finish: async (peer) => {
    rmSync(folderOf.get(peer) ?? "", { recursive: true, force: true });
    await destroy(peer, "bytes");
  },
};

async function medianOf(times: number, work: () => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  while (taken.length < times) taken.push(await timed(work));
  return median(taken);
}

const many = Array.from({ length: 50 }, (_, i) => `bulk-${i + 1}`);

/** Fifty machines at once, of the small image: more of systemd's would need more inotify instances than the kernel gives by itself. */
export const bulkMeasure: Measure = {
  name: "bulk",
  rounds: 1,
  prepare: importSmall,
  sample: async (peer): Promise<Sample> => {
    const created = await timed(async () => {
      for (const name of many) await create(peer, name, "small");
    });
    const started = await timed(() => ok(peer.lxc("start", ...many)));
    const looked = await medianOf(5, () => peer.must("GET", "/1.0/instances?recursion=2"));
    const listed = await medianOf(5, () => ok(peer.lxc("list")));
    const deleted = await timed(() => ok(peer.lxc("delete", "-f", ...many)));
    return { "init of 50, API": created, "start of 50, lxc": started, "recursion=2, 50 run": looked, "list, 50 run, lxc": listed, "delete -f of 50, lxc": deleted };
  },
};
