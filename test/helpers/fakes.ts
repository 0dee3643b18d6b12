// A daemon that finds programs of the test's own before those of the machine.
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type Daemon, startDaemon } from "./daemon.ts";

export interface Faked {
  daemon: Daemon;
  /** The folder that is looked in first; empty. */
  fakes: string;
}

export async function startWithFakes(): Promise<Faked> {
  let fakes = "";
  const env: Record<string, string> = {};
  const daemon = await startDaemon({
    env,
    prepare: async ({ dir }) => {
      fakes = `${dirname(dir)}/fakes`;
      mkdirSync(fakes);
      env["PATH"] = `${fakes}:${process.env["PATH"]}`;
    },
  });
  return { daemon, fakes };
}
