// What is measured of servers that others reach over the network: moves between two, requests over TLS, and what is scraped of many.
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Daemon } from "../helpers/daemon.ts";
import { execOk } from "../helpers/exec.ts";
import { endNeighbour, openForMoves, startNeighbour } from "../helpers/neighbour.ts";
import { makeIdentity } from "../helpers/network.ts";
import { pause } from "../helpers/wait.ts";
import type { Measure, Sample } from "./measures.ts";
import { imageAlias, type Peer } from "./peers.ts";
import { ask, changeState, create, importSmall, launch, ok, timed } from "./steps.ts";

const large = 512;
const listening = { here: 8443, there: 8444 };

interface Pair {
  there: Daemon;
  /** Where rsync alone puts its copies. */
  copies: string;
  /** PEM of this side's certificate. */
  certificate: string;
}
const pairs = new Map<Peer, Pair>();

const listen = (daemon: Pick<Peer, "must">, port: number) => daemon.must("PATCH", "/1.0", { config: { "core.https_address": port ? `127.0.0.1:${port}` : "" } });

/** A second daemon on the same loopback, which has no images: all files have to travel. */
async function startOther(peer: Peer): Promise<Pair> {
  const there = await startNeighbour(peer.namespace, { BERTH_CHECK_RESPONSES: "" });
  await openForMoves(there, listening.there);
  await listen(peer, listening.here);
  return { there, copies: join(dirname(there.dir), "copies"), certificate: (await peer.must("GET", "/1.0")).environment.certificate };
}

/** One move of all files as clients ask for it, and rsync over the same files. */
async function copySample(peer: Peer, name: string, what: string): Promise<Sample> {
  const { there, copies, certificate } = pairs.get(peer) as Pair;
  const rootfs = join(dirname(peer.socket), "storage-pools/default/containers", name, "rootfs");
  const moved = await timed(async () => {
    const { json } = await peer.request("POST", `/1.0/instances/${name}`, { migration: true });
    await there.must("POST", "/1.0/instances", {
      name, source: { type: "migration", mode: "pull", operation: `https://127.0.0.1:${listening.here}${json.operation}`, secrets: json.metadata.metadata, certificate },
    });
  });
  await there.must("DELETE", `/1.0/instances/${name}`);
  const alone = await timed(() => execOk(...peer.namespace.wrap("rsync", ["-aHAX", "--numeric-ids", "--sparse", `${rootfs}/`, `${copies}/`])));
  rmSync(copies, { recursive: true });
  return { [`copy between servers, ${what}`]: moved, [`rsync alone, ${what}`]: alone, [`of rsync's speed, ${what}`]: (100 * alone) / moved };
}

/** A copy to another server, beside rsync that copies the same files on the same disk. */
export const moveMeasure: Measure = {
  name: "move",
  rounds: 5,
  prepare: async (peer) => {
    if (!peer.berth) return;
    await importSmall(peer);
    await create(peer, "moved-tree", imageAlias);
    await create(peer, "moved-bulk", "small");
    await changeState(peer, "moved-bulk", "start");
    await ok(peer.lxc("exec", "moved-bulk", "--", "sh", "-c", `dd if=/dev/urandom of=/home/big bs=1M count=${large} 2>/dev/null; sync`));
    await changeState(peer, "moved-bulk", "stop");
    pairs.set(peer, await startOther(peer));
  },
  sample: async (peer) => (peer.berth ? { ...(await copySample(peer, "moved-tree", "Debian")), ...(await copySample(peer, "moved-bulk", `${large} MiB in one file`)) } : {}),
  finish: async (peer) => {
    const pair = pairs.get(peer);
    if (!pair) return;
    await endNeighbour(pair.there);
    await listen(peer, 0);
    for (const name of ["moved-tree", "moved-bulk"]) await peer.must("DELETE", `/1.0/instances/${name}`);
  },
};

const askTls = fileURLToPath(new URL("ask-tls.mjs", import.meta.url));
const askers = new Map<Peer, string>();

/** As a program does that watches over the network, on one connection that is kept. */
export const tlsMeasure: Measure = {
  name: "tls",
  prepare: async (peer) => {
    await create(peer, "asked");
    await listen(peer, listening.here);
    const identity = makeIdentity("bench");
    await peer.must("POST", "/1.0/certificates", { name: "bench", type: "client", certificate: identity.base64 });
    askers.set(peer, JSON.stringify(identity));
  },
  sample: async (peer) => {
    const args = [askTls, String(listening.here), "/1.0/instances/asked", "1000"];
    const took = await execOk(...peer.namespace.wrap(process.execPath, args), { env: { IDENTITY: askers.get(peer) ?? "" } });
    return { "1,000 GETs over TLS": Number(took) };
  },
  finish: async (peer) => {
    await listen(peer, 0);
    for (const { name, fingerprint } of await peer.must("GET", "/1.0/certificates?recursion=1")) {
      if (name === "bench") await peer.must("DELETE", `/1.0/certificates/${fingerprint}`);
    }
    await peer.must("DELETE", "/1.0/instances/asked");
  },
};

/** LXD takes a second for each, and as long again to end them: it has fewer. */
const scraped = (peer: Peer) => Array.from({ length: peer.berth ? 200 : 20 }, (_, i) => `scraped-${i + 1}`);

/** What was read a moment ago is kept that long by LXD, in ms; Berth keeps it for one second. */
const metricsKept = (peer: Peer) => (peer.berth ? 1100 : 8100);

export async function metricsSample(peer: Peer, running: number): Promise<Sample> {
  await pause(metricsKept(peer));
  return { [`metrics, ${running} running`]: await timed(() => ask(peer.socket, "/1.0/metrics")) };
}

export const scrapeMeasure: Measure = {
  name: "scrape",
  rounds: 8,
  prepare: async (peer) => {
    await importSmall(peer);
    for (const name of scraped(peer)) await launch(peer, name, "small");
    await pause(20_000); // so many that boot take all processors
    // Whoever scrapes has done so before: what Node compiles is compiled then.
    if (peer.berth) for (let i = 0; i < 8; i++) await metricsSample(peer, 0);
  },
  sample: (peer) => metricsSample(peer, scraped(peer).length),
  finish: async (peer) => {
    await ok(peer.lxc("delete", "-f", ...scraped(peer)));
  },
};
