// berth wait: until an instance is as it should be
import type { InstanceFull } from "../../../server/api/instances.ts";
import { closest } from "../../../server/api/config-keys/key.ts";
import { defineCommand } from "../../command.ts";
import type { Target } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { streamEvents } from "../../events.ts";

/** Addresses and what happens inside a guest have no events. */
const pollInterval = 500;

type Check = (target: Target) => Promise<boolean>;

async function readState({ server, name }: Target): Promise<InstanceFull["state"]> {
  return (await server.client.getInstanceState({ name })) as InstanceFull["state"];
}

const hasAddress = (families: readonly string[]): Check => async (target) => {
  const { network } = await readState(target);
  return Object.values(network ?? {}).some((it) => it.type !== "loopback" && (it.addresses ?? []).some(({ family, scope }) => scope === "global" && families.includes(family)));
};

const hasStatus = (status: string): Check => async (target) => (await readState(target)).status.toLowerCase() === status.toLowerCase();

/** Whether a command succeeds; one that cannot be run yet has not. */
const succeeds = (command: string[]): Check => async (target) => {
  const { runSession } = await import("../../exec/session.ts");
  const post = { command, "wait-for-websocket": true, interactive: false, environment: {}, width: 0, height: 0, user: 0, group: 0, cwd: "" };
  return runSession(target, post, { useStdin: false, write: async () => {} }).then((status) => status === 0, () => false);
};

/** systemd says when it has started all; a guest without it is ready when it runs commands. */
const bootScript = 'if [ -d /run/systemd/system ]; then s=$(systemctl is-system-running); [ "$s" = running ] || [ "$s" = degraded ]; fi';
const isReady: Check = async (target) => (await hasStatus("Ready")(target)) || ((await hasStatus("Running")(target)) && (await succeeds(["sh", "-c", bootScript])(target)));

const conditions: Readonly<Record<string, Check>> = {
  ip: hasAddress(["inet", "inet6"]), ipv4: hasAddress(["inet"]), ipv6: hasAddress(["inet6"]), ready: isReady,
};

/** Throws when there is no such condition. */
export function parseCondition(words: readonly string[]): { what: string; check: Check; isPolled: boolean } {
  const [word = "", ...command] = words;
  if (word === "exec" && command.length > 0) return { what: `"${command.join(" ")}" succeeds`, check: succeeds(command), isPolled: true };
  const status = /^status=(.+)$/i.exec(word)?.[1];
  if (status !== undefined && command.length === 0) return { what: `it is ${status}`, check: hasStatus(status), isPolled: false };
  const check = Object.hasOwn(conditions, word) ? conditions[word] : undefined;
  if (!check || command.length > 0) {
    const near = closest(word, [...Object.keys(conditions), "exec", "status="]);
    throw new CliError(`There is no condition "${words.join(" ")}"`, { hint: near ? `did you mean "${near}"?` : "choose ip, ipv4, ipv6, ready, status=STATUS or exec COMMAND." });
  }
  return { what: word === "ready" ? "it is ready" : `it has an address (${word})`, check, isPolled: true };
}

export const waitCommand = defineCommand({
  name: "wait",
  usage: "<instance> <condition>",
  summary: "Wait until an instance is ready",
  description: `Wait until an instance is ready, or something else holds

Conditions:
    status=STATUS    it is running, stopped, frozen, …
    ip, ipv4, ipv6   it has an address that others can reach
    ready            its init has started everything
    exec COMMAND     the command succeeds in it`,
  examples: `berth wait web ready && berth exec web -- systemctl status nginx

berth wait --timeout 60 db exec -- pg_isready -q`,
  args: [2, -1],
  passAfter: 3,
  flags: { timeout: { kind: "int", short: "t", default: -1, description: "Seconds after which to give up" } },
  async run(ctx, [instance, ...words], flags) {
    const target = ctx.resolve(instance, "instance");
    const { what, check, isPolled } = parseCondition(words.filter((word) => word !== "--"));
    await target.server.client.getInstance({ name: target.name }); // it says so when there is none
    const deadline = flags.timeout < 0 ? Number.POSITIVE_INFINITY : Date.now() + flags.timeout * 1000;
    let wake = () => {};
    const events = await streamEvents(target.server, ["lifecycle"], () => wake());
    try {
      for (;;) {
        const news = new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (await check(target)) return;
        const left = deadline - Date.now();
        if (left <= 0) throw new CliError(`Gave up after ${flags.timeout} s: it is not so that ${what}`, { hint: `berth info ${target.name} shows how it is.` });
        const pause = Math.min(isPolled ? pollInterval : 60_000, left);
        let timer: NodeJS.Timeout | undefined;
        await Promise.race([news, events.ended, new Promise((resolve) => (timer = setTimeout(resolve, pause)))]);
        clearTimeout(timer);
      }
    } finally {
      events.close();
    }
  },
});
