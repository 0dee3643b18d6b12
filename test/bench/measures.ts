// What is measured. Each measure prepares each peer once, takes one sample per round, and cleans up.
import type { ImageFiles } from "../helpers/images.ts";
import { memoryOf } from "../helpers/processes.ts";
import { imageListMeasure, importMeasure, publishMeasure } from "./image-measures.ts";
import { bulkMeasure, bytesMeasure, configMeasure, snapshotMeasure } from "./machine-measures.ts";
import { importImage, type Peer } from "./peers.ts";
import { metricsSample, moveMeasure, scrapeMeasure, tlsMeasure } from "./remote-measures.ts";
import { address, askOften, changeState, create, destroy, launch, ok, timed } from "./steps.ts";

/** Values of one round, by row. Milliseconds, KiB in rows of memory, or how many times the second in rows with a ÷. */
export type Sample = Readonly<Record<string, number>>;

export interface Measure {
  /** For --only. */
  readonly name: string;
  /** Fewer than asked for where a round takes long. */
  readonly rounds?: number;
  prepare?(peer: Peer): Promise<void>;
  sample(peer: Peer, round: number): Promise<Sample>;
  finish?(peer: Peer): Promise<void>;
}

export interface Setting {
  image: ImageFiles;
  /** Instances in the long list. */
  instances: number;
  /** How many of them run. */
  running: number;
}

const quietly = (work: Promise<unknown>) => work.then(() => {}, () => {});

/** Launch, address and deletion through the raw API. */
const launchMeasure: Measure = {
  name: "launch",
  sample: async (peer, round) => {
    const name = `launch-${round}`;
    const launched = await timed(() => launch(peer, name));
    const addressed = await timed(() => address(peer, name));
    const deleted = await timed(() => destroy(peer, name));
    return { "launch, API": launched, "started → IPv4": addressed, "launch → IPv4": launched + addressed, "delete running, API": deleted };
  },
};

/** The same through the stock client. */
const clientMeasure: Measure = {
  name: "client",
  sample: async (peer, round) => {
    const name = `client-${round}`;
    const launched = await timed(() => ok(peer.lxc("launch", "bench", name)));
    const deleted = await timed(() => ok(peer.lxc("delete", "-f", name)));
    return { "launch, lxc": launched, "delete -f, lxc": deleted };
  },
};

/** The first launch of an image: it is imported anew before each round. */
const firstMeasure = ({ image }: Setting): Measure => ({
  name: "first",
  rounds: 3,
  sample: async (peer, round) => {
    const { target } = await peer.must("GET", "/1.0/images/aliases/bench");
    await peer.must("DELETE", `/1.0/images/${target}`);
    const imported = await timed(() => importImage(peer, image));
    const launched = await timed(() => launch(peer, `first-${round}`));
    await destroy(peer, `first-${round}`);
    return { "image import, lxc": imported, "first launch, API": launched };
  },
});

/** A command of Berth's own client, on Node and native. */
async function ownClients({ berth, client, native }: Peer, row: string, ...command: string[]): Promise<Sample> {
  if (!berth) return {};
  return {
    [`${row}, berth on Node`]: await timed(() => ok(client(...command))),
    ...(native ? { [`${row}, berth`]: await timed(() => ok(native(...command))) } : {}),
  };
}

const execMeasure: Measure = {
  name: "exec",
  prepare: (peer) => launch(peer, "exec"),
  sample: async (peer) => {
    const body = { command: ["true"], "wait-for-websocket": false, "record-output": false, interactive: false };
    return {
      "exec true, API": await timed(() => peer.must("POST", "/1.0/instances/exec/exec", body)),
      "exec true, lxc": await timed(() => ok(peer.lxc("exec", "exec", "--", "true"))),
      ...(await ownClients(peer, "exec true", "exec", "exec", "--", "true")),
    };
  },
  finish: (peer) => quietly(destroy(peer, "exec")),
};

async function listSample(peer: Peer, which: string): Promise<Sample> {
  return {
    [`list, ${which}, lxc`]: await timed(() => ok(peer.lxc("list"))),
    ...(await ownClients(peer, `list, ${which}`, "list")),
    [`recursion=1, ${which}`]: await timed(() => peer.must("GET", "/1.0/instances?recursion=1")),
    [`recursion=2, ${which}`]: await timed(() => peer.must("GET", "/1.0/instances?recursion=2")),
  };
}

const listMeasure: Measure = {
  name: "list",
  prepare: (peer) => launch(peer, "only"),
  sample: (peer) => listSample(peer, "1 instance"),
  finish: (peer) => quietly(destroy(peer, "only")),
};

/** Many small requests one after the other on one connection, as a program makes them that watches. */
const requestMeasure: Measure = {
  name: "requests",
  prepare: async (peer) => void (await create(peer, "asked")),
  sample: async (peer) => ({ "1,000 GETs of an instance": await timed(() => askOften(peer.socket, "/1.0/instances/asked", 1000)) }),
  finish: (peer) => quietly(peer.must("DELETE", "/1.0/instances/asked")),
};

const names = ({ instances }: Setting) => Array.from({ length: instances }, (_, i) => `many-${i + 1}`);

/** The long list, and what all those instances cost in memory. */
const manyMeasure = (setting: Setting): Measure => ({
  name: "many",
  prepare: async (peer) => {
    for (const name of names(setting)) await create(peer, name);
    for (const name of names(setting).slice(0, setting.running)) await changeState(peer, name, "start");
  },
  sample: async (peer) => ({
    ...(await listSample(peer, `${setting.instances} instances, ${setting.running} run`)),
    ...(await metricsSample(peer, setting.running)),
    ...memorySample(peer, `${setting.running} running`),
  }),
  finish: async (peer) => {
    for (const name of names(setting).slice(0, setting.running)) await quietly(changeState(peer, name, "stop"));
    for (const name of names(setting)) await quietly(peer.must("DELETE", `/1.0/instances/${name}`));
  },
});

function memorySample(peer: Peer, when: string): Sample {
  const monitors = peer.monitors().map(memoryOf);
  const mean = (field: "rss" | "pss") => monitors.reduce((sum, memory) => sum + memory[field], 0) / monitors.length;
  return {
    [`RSS of the daemon, ${when}`]: memoryOf(peer.pid).rss,
    ...(monitors.length > 0 ? { "RSS of a monitor": mean("rss"), "PSS of a monitor": mean("pss") } : {}),
  };
}

const idleMeasure: Measure = { name: "memory", rounds: 1, sample: async (peer) => memorySample(peer, "idle") };

/** All measures, in the order they run: memory first, while the daemons have done nothing. */
export function measures(setting: Setting): Measure[] {
  return [
    idleMeasure, listMeasure, requestMeasure, execMeasure, firstMeasure(setting), launchMeasure, clientMeasure, configMeasure, snapshotMeasure, bytesMeasure, bulkMeasure,
    importMeasure(setting), publishMeasure(setting), manyMeasure(setting), imageListMeasure, moveMeasure, tlsMeasure, scrapeMeasure,
  ];
}
