// Attaching to consoles: checks, then an operation that lasts as long as the session. A console has one session at a time.
import { fail } from "../../api/errors.ts";
import type { Requestor } from "../../api/events.ts";
import type { InstanceConsolePost } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { type ConsoleLine, openConsole } from "../../lxc/console.ts";
import type { Operation } from "../../operations/operation.ts";
import { ExecSockets } from "../exec/sockets.ts";
import { type InstanceRecord, systemNameOf } from "../store.ts";
import { instanceResources, instanceUrl } from "../view.ts";
import { runSession } from "./session.ts";

interface Session {
  /** Undefined until it stands. */
  line: ConsoleLine | undefined;
  /** Another has taken the console over. */
  isOver: boolean;
  ended: Promise<void>;
}

export class Consoles {
  readonly #ctx: Context;
  readonly #sessions = new Map<string, Session>();

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Throws `instance_not_running`, `instance_frozen` or `console_busy`. */
  attach(instance: InstanceRecord, post: InstanceConsolePost, requestor: Requestor): Operation {
    const { name, project } = instance;
    const type = post.type || "console";
    if (type === "vga") throw fail("bad_request", { reason: "VGA console is only supported by virtual machines" });
    if (type !== "console") throw fail("bad_request", { reason: `Unknown console type "${type}"` });
    const running = this.#ctx.runtime.get(systemNameOf(instance));
    if (!running) throw fail("instance_not_running", { name });
    if (running.frozen) throw fail("instance_frozen", { name });
    if (!post.force) this.#assertFree(instance);
    const sockets = new ExecSockets(["0", "control"], ["0"]);
    return this.#ctx.operations.start({
      class: "websocket", openEnded: true, description: "Showing console", project, resources: instanceResources(instance),
      metadata: { fds: sockets.secrets },
      connect: (request, socket, head, secret) => sockets.connect(request, socket, head, secret),
      run: async () => {
        try {
          await sockets.ready();
          await this.#claim(instance, post, sockets, () => {
            this.#ctx.events.lifecycle({ action: "instance-console", source: instanceUrl(instance), requestor, context: { type } }, project);
          });
        } finally {
          setImmediate(() => sockets.closeAll()); // after the operation has ended
        }
      },
    });
  }

  #assertFree(instance: InstanceRecord): void {
    if (this.#sessions.has(systemNameOf(instance))) throw fail("console_busy", { name: instance.name });
  }

  /** Runs a session as the console's only one. */
  async #claim(instance: InstanceRecord, post: InstanceConsolePost, sockets: ExecSockets, tell: () => void): Promise<void> {
    const name = systemNameOf(instance);
    for (let other = this.#sessions.get(name); post.force && other; other = this.#sessions.get(name)) {
      other.isOver = true;
      other.line?.hangUp();
      await other.ended;
    }
    this.#assertFree(instance);
    const session: Session = { line: undefined, isOver: false, ended: Promise.resolve() };
    this.#sessions.set(name, session);
    const work = this.#run(session, instance, post, sockets, tell).finally(() => this.#sessions.delete(name));
    session.ended = work.catch(() => {});
    await work;
  }

  async #run(session: Session, instance: InstanceRecord, post: InstanceConsolePost, sockets: ExecSockets, tell: () => void): Promise<void> {
    const name = systemNameOf(instance);
    const running = this.#ctx.runtime.get(name);
    if (!running) throw fail("instance_not_running", { name: instance.name });
    const line = await openConsole(this.#ctx.paths.containers, name, running.monitor);
    if (!line) throw this.#ctx.runtime.get(name) ? fail("console_busy", { name: instance.name }) : fail("instance_not_running", { name: instance.name });
    session.line = line;
    if (session.isOver) line.hangUp();
    tell();
    await runSession(line, sockets, post);
  }
}
