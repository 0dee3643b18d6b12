// What can be done to instances.
import { statusCodes } from "../../../server/api/envelope.ts";
import type { InstanceFull } from "../../../server/api/instances.ts";
import { copyBody } from "../../commands/instance/copy.ts";
import type { Row } from "../state/model.ts";
import { type Action, projectWords } from "../views/view.ts";

const instanceOf = (row: Row) => row.value as InstanceFull;
const isRunning = (row: Row) => [statusCodes.Running, statusCodes.Ready].includes(instanceOf(row).status_code as never);
const isFrozen = (row: Row) => instanceOf(row).status_code === statusCodes.Frozen;
const names = (rows: readonly Row[]) => rows.map(({ name }) => name);
const words = (verb: string) => (rows: readonly Row[]) => [verb, ...names(rows), ...(rows[0] ? projectWords(rows[0]) : [])];
const list = (rows: readonly Row[]) => (rows.length === 1 ? rows[0]?.name : `${rows.length} instances`);

type Verb = "start" | "stop" | "restart" | "freeze" | "unfreeze";
const change = (action: Verb, more: { force?: boolean } = {}): Action["run"] => ({ changeInstanceState }, { name, project }) =>
  changeInstanceState({ name, project, body: { action, timeout: action === "stop" || action === "restart" ? 30 : 0, ...more } });

export const instanceActions: readonly Action[] = [
  { id: "start", key: "s", does: "start", when: (row) => !isRunning(row), command: words("start"), run: (client, row, input) => change(isFrozen(row) ? "unfreeze" : "start")(client, row, input) },
  { id: "stop", key: "x", does: "stop", when: isRunning, confirm: (rows) => `Stop ${list(rows)}?`, command: words("stop"), run: change("stop") },
  {
    id: "kill", key: "X", does: "stop at once", when: (row) => isRunning(row) || isFrozen(row), confirm: (rows) => `Stop ${list(rows)} at once, without asking the guest?`,
    command: (rows) => [...words("stop")(rows), "--force"], run: change("stop", { force: true }),
  },
  { id: "restart", key: "r", does: "restart", when: isRunning, confirm: (rows) => `Restart ${list(rows)}?`, command: words("restart"), run: change("restart") },
  { id: "freeze", key: "f", does: "freeze or resume", when: (row) => isRunning(row) || isFrozen(row), command: (rows) => words(rows.every(isFrozen) ? "start" : "pause")(rows), run: (client, row, input) => change(isFrozen(row) ? "unfreeze" : "freeze")(client, row, input) },
  {
    id: "snapshot", key: "S", does: "take a snapshot", prompt: () => ({ label: "Name of the snapshot (empty: the next number)", text: "" }),
    command: (rows, input) => ["snapshot", rows[0]?.name ?? "", ...(input ? [input] : []), ...(rows[0] ? projectWords(rows[0]) : [])],
    run: (client, { name, project }, input) => client.createSnapshot({ name, project, body: { name: input, stateful: false } }),
  },
  {
    id: "rename", key: "n", does: "rename", single: true, prompt: (row) => ({ label: "New name", text: row.name }),
    command: (rows, input) => ["rename", rows[0]?.name ?? "", input, ...(rows[0] ? projectWords(rows[0]) : [])],
    run: (client, { name, project }, input) => client.renameInstance({ name, project, body: { name: input } }),
  },
  {
    id: "copy", key: "c", does: "copy", single: true, prompt: (row) => ({ label: "Name of the copy", text: `${row.name}-copy` }),
    command: (rows, input) => ["copy", rows[0]?.name ?? "", input, ...(rows[0] ? projectWords(rows[0]) : [])],
    run: (client, row, input) => client.createInstance({ project: row.project, body: copyBody({ ...instanceOf(row), live: isRunning(row) }, row.name, input, row.project, noCopyFlags) }),
  },
  {
    id: "delete", key: "d", does: "delete", confirm: (rows) => `Delete ${list(rows)}${rows.some(isRunning) ? ", running or not," : ""} with all snapshots?`,
    command: (rows) => [...words("delete")(rows), ...(rows.some((row) => isRunning(row) || isFrozen(row)) ? ["--force"] : [])],
    run: async (client, row) => {
      const { name, project } = row;
      if (isRunning(row) || isFrozen(row)) await endOf(client, change("stop", { force: true })(client, row, ""));
      if (instanceOf(row).ephemeral && isRunning(row)) return undefined; // it went with its stop
      return client.deleteInstance({ name, project });
    },
  },
];

const noCopyFlags = {
  "allow-inconsistent": false, config: [], device: [], ephemeral: false, "instance-only": false, mode: "pull", "no-profiles": false, profile: [],
  refresh: false, stateless: false, storage: "", target: "", "target-project": "",
};

async function endOf(client: Parameters<Action["run"]>[0], started: Promise<unknown>): Promise<void> {
  const { waitForEnd } = await import("../../operation.ts");
  await waitForEnd(client, ((await started) as { id: string }).id);
}
