// The exec endpoint: checks, then an operation that runs the program.
import { fail } from "../../api/errors.ts";
import type { Requestor } from "../../api/events.ts";
import type { InstanceExecPost } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { hostId, isPrivileged, rootIds } from "../../lxc/idmap.ts";
import { currentIdMap } from "../idmap.ts";
import { expectCgroupMoves } from "../../host/cgroup-moves.ts";
import type { Operation } from "../../operations/operation.ts";
import { expandInstance } from "../expanded.ts";
import { systemNameOf, type InstanceRecord } from "../store.ts";
import { instanceResources, instanceUrl } from "../view.ts";
import { attachConfig } from "../kernel/attach-config.ts";
import { execEnvironment } from "./environment.ts";
import { type Program, runInteractive, runPiped, runRecorded } from "./session.ts";
import { ExecSockets } from "./sockets.ts";

/** Throws `instance_not_running`, `instance_frozen` or `exec_no_command`. */
export function execInstance(ctx: Context, project: string, name: string, post: InstanceExecPost, requestor: Requestor): Operation {
  const instance = ctx.instances.get(project, name);
  const running = ctx.runtime.get(systemNameOf(instance));
  if (!running) throw fail("instance_not_running", { name });
  if (running.frozen) throw fail("instance_frozen", { name });
  if (!post.command[0]) throw fail("exec_no_command");
  if ([...post.command, post.cwd ?? ""].some((word) => word.includes("\0"))) throw fail("bad_body", { reason: "command may not hold NUL" });
  expectCgroupMoves();
  const program = programOf(ctx, instance, post);
  const tell = () =>
    ctx.events.lifecycle({ action: "instance-exec", source: instanceUrl(instance), requestor, context: { command: post.command } }, project);
  return post["wait-for-websocket"] ? execAttached(ctx, instance, post, program, tell) : execRecorded(ctx, instance, post, program, tell);
}

function programOf(ctx: Context, instance: InstanceRecord, post: InstanceExecPost): Program {
  const name = systemNameOf(instance);
  const uid = post.user ?? 0;
  const environment = execEnvironment(expandInstance(ctx, instance).config, post.environment ?? {}, uid);
  const map = currentIdMap(instance);
  const root = rootIds(map);
  return {
    owner: { uid: hostId(map.uid, uid) ?? root.uid, gid: hostId(map.gid, post.group ?? 0) ?? root.gid },
    lxcPath: ctx.paths.containers, name, command: post.command, environment, cwd: post.cwd || environment["HOME"] || "/",
    uid, gid: post.group ?? 0, privileged: isPrivileged(map), config: attachConfig(ctx.paths.logs(name)),
  };
}

function execAttached(ctx: Context, instance: InstanceRecord, post: InstanceExecPost, program: Program, tell: () => void): Operation {
  const interactive = post.interactive ?? false;
  const sockets = interactive ? new ExecSockets(["0", "control"], ["0", "control"]) : new ExecSockets(["0", "1", "2", "control"], ["0", "1", "2"]);
  if (interactive) program.environment = { TERM: "xterm", ...program.environment };
  return ctx.operations.start({
    class: "websocket", openEnded: true, description: "Executing command", project: instance.project, resources: instanceResources(instance),
    metadata: { command: post.command, environment: program.environment, fds: sockets.secrets, interactive },
    connect: (request, socket, head, secret) => sockets.connect(request, socket, head, secret),
    run: async (operation) => {
      try {
        await sockets.ready();
        tell();
        const size = { width: post.width ?? 0, height: post.height ?? 0 };
        finish(operation, await (interactive ? runInteractive(program, sockets, size) : runPiped(program, sockets)));
      } finally {
        // Closed after the operation has ended: clients expect its result to be there then.
        setImmediate(() => sockets.closeAll());
      }
    },
  });
}

function execRecorded(ctx: Context, instance: InstanceRecord, post: InstanceExecPost, program: Program, tell: () => void): Operation {
  const [logs, url] = [ctx.paths.logs(program.name), `/1.0/instances/${instance.name}/logs`];
  return ctx.operations.start({
    openEnded: true, description: "Executing command", project: instance.project, resources: instanceResources(instance),
    metadata: { command: post.command, environment: program.environment, interactive: false },
    run: async (operation) => {
      tell();
      const names = post["record-output"] ? { stdout: `exec_${operation.id}.stdout`, stderr: `exec_${operation.id}.stderr` } : undefined;
      const status = await runRecorded(program, names && { stdout: `${logs}/${names.stdout}`, stderr: `${logs}/${names.stderr}` });
      if (names) operation.update({ output: { "1": `${url}/${names.stdout}`, "2": `${url}/${names.stderr}` } });
      finish(operation, status);
    },
  });
}

/** Exit statuses 126 and 127 fail the operation too. */
function finish(operation: Operation, status: number): void {
  operation.update({ return: status });
  if (status === 126) throw fail("exec_not_executable");
  if (status === 127) throw fail("exec_not_found");
}
