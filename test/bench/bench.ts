// npm run bench: Berth and, where it is installed, LXD side by side on the same Debian image; medians of interleaved rounds.
//   --only launch,exec   of: memory list requests exec first launch client config snapshot bytes bulk import publish many images move tls scrape
//   --rounds N (10)      --json FILE
//   --no-lxd   --no-berth   --btrfs (both on btrfs, too)   --instances N (100)   --running N (10)
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { debianImage } from "../helpers/images.ts";
import { type Measure, measures } from "./measures.ts";
import { importImage, lxdInstalled, type Peer, startBerth, startLxd } from "./peers.ts";
import { type Results, renderJson, renderTable } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "10" },
    json: { type: "string" },
    "no-lxd": { type: "boolean", default: false },
    "no-berth": { type: "boolean", default: false },
    btrfs: { type: "boolean", default: false },
    instances: { type: "string", default: "100" },
    running: { type: "string", default: "10" },
  },
});

const say = (line: string) => process.stderr.write(`${line}\n`);

const started: Peer[] = [];

async function startPeers(): Promise<Peer[]> {
  const peers = started;
  if (!options["no-berth"]) {
    peers.push(await startBerth("dir"));
    if (options.btrfs) peers.push(await startBerth("btrfs"));
  }
  if (options["no-lxd"]) return peers;
  if (!lxdInstalled()) say("lxd is not installed (Debian 12: apt install lxd): Berth is measured alone");
  else {
    peers.push(await startLxd("dir"));
    if (options.btrfs) peers.push(await startLxd("btrfs"));
  }
  return peers;
}

/** Runs a measure on all peers, in turns: what disturbs the machine disturbs them alike. */
async function take(measure: Measure, peers: readonly Peer[], results: Results): Promise<void> {
  const rounds = Math.min(Number(options.rounds), measure.rounds ?? Number.POSITIVE_INFINITY);
  say(`${measure.name}: ${rounds} rounds`);
  for (const peer of peers) await measure.prepare?.(peer);
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      for (const [row, value] of Object.entries(await measure.sample(peer, round))) {
        const byPeer = results.get(row) ?? new Map<string, number[]>();
        results.set(row, byPeer.set(peer.name, [...(byPeer.get(peer.name) ?? []), value]));
      }
    }
  }
  for (const peer of peers) await measure.finish?.(peer);
}

async function bench(): Promise<void> {
  const image = await debianImage();
  const setting = { image, instances: Number(options.instances), running: Number(options.running) };
  const only = options.only?.split(",");
  const chosen = measures(setting).filter(({ name }) => !only || only.includes(name));
  if (chosen.length === 0) throw new Error(`--only ${options.only}: there are ${measures(setting).map(({ name }) => name).join(", ")}`);
  const results: Results = new Map();
  const peers = await startPeers();
  try {
    if (peers.length === 0) throw new Error("nothing to measure");
    for (const peer of peers) await importImage(peer, image);
    for (const measure of chosen) {
      await take(measure, peers, results).catch((error: Error) => say(`${measure.name} failed: ${error.message}`));
    }
  } finally {
    for (const peer of peers) await peer.stop();
  }
  process.stdout.write(`${renderTable(results, peers.map(({ name }) => name))}\n`);
  if (options.json) writeFileSync(options.json, renderJson(results));
}

// Interrupted, it still ends what it started.
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => {
    say("ending what was started");
    Promise.all(started.map((peer) => peer.stop())).finally(() => process.exit(1));
  });
}

await bench().catch((error: Error) => {
  say(`bench failed: ${error.message}`);
  process.exitCode = 1;
});
process.exit();
