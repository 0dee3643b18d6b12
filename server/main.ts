// berthd: arguments, signals, exit status.
import { parseArgs } from "node:util";
import { BerthError } from "./api/errors.ts";
import { cleanUp } from "./cleanup.ts";
import { shutDown, waitReady } from "./control.ts";
import { startDaemon } from "./daemon.ts";
import { usualGroup, usualUserGroup } from "./http/listen.ts";
import { berthVersion } from "./info/version.ts";
import { explain, type Level, log, setLogLevel } from "./log.ts";

const usage = `berthd: the Berth daemon

Usage: berthd [--group GROUP] [--user-group GROUP] [--dir DIR] [--debug | --verbose | --quiet]
       berthd shutdown [--dir DIR] [--force] [--timeout SECONDS]
       berthd waitready [--dir DIR] [--timeout SECONDS]
       berthd cleanup [--dir DIR]

  --group GROUP   group that may use the socket (default: berth, if there is one)
  --user-group GROUP
                  group of users who may run containers without administering berthd: each in a project of its own,
                  which it enters by unix-user.socket (default: berth-users, if there is one)
  --dir DIR       where everything is kept (default: $BERTH_DIR, or /var/lib/berth)
  --debug         log all that happens
  --quiet         log warnings and errors only
  --version       print the version
  --help          print this

Ends on SIGTERM and SIGINT; instances go on running. On SIGPWR, and by "berthd shutdown", instances are stopped first:
those of the highest boot.stop.priority first, each within its boot.host_shutdown_timeout. They start again with the
next berthd. "berthd waitready" ends as soon as berthd serves. "berthd cleanup" takes from the machine what outlives berthd,
once no instance runs: bridges, dnsmasq, firewall rules, mounts. The next berthd brings them back.

  --force         do not wait for running operations
  --timeout SECONDS
                  give up waiting after that long; berthd goes on with what it does
`;

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: {
      group: { type: "string", default: usualGroup },
      "user-group": { type: "string", default: usualUserGroup },
      dir: { type: "string", default: process.env["BERTH_DIR"] || "/var/lib/berth" },
      debug: { type: "boolean", short: "d", default: false },
      verbose: { type: "boolean", short: "v", default: false },
      quiet: { type: "boolean", short: "q", default: false },
      version: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
      force: { type: "boolean", short: "f", default: false },
      timeout: { type: "string", short: "t", default: "0" },
    },
  });
}

function levelOf(options: { debug: boolean; quiet: boolean }): Level {
  if (options.debug) return "debug";
  return options.quiet ? "warn" : "info";
}

/** Commands to a berthd that runs. */
async function control([command, ...rest]: readonly string[], options: { dir: string; force: boolean; timeout: string }): Promise<number> {
  const socket = `${options.dir}/unix.socket`;
  if (rest.length > 0 || !/^\d{1,9}$/.test(options.timeout)) throw new BerthError("bad_request", { reason: "Invalid arguments: see berthd --help" });
  if (command === "shutdown") await shutDown(socket, Number(options.timeout), options.force);
  else if (command === "waitready") await waitReady(socket, Number(options.timeout));
  else if (command === "cleanup") await cleanUp(options.dir);
  else throw new BerthError("bad_request", { reason: `Unknown command "${command}": see berthd --help` });
  return 0;
}

async function main(): Promise<number> {
  const { values: options, positionals } = readArguments();
  if (options.help || options.version) {
    process.stdout.write(options.help ? usage : `${berthVersion}\n`);
    return 0;
  }
  if (positionals.length > 0) return control(positionals, options);
  if (process.getuid?.() !== 0) throw new BerthError("forbidden", {}, { message: "berthd must run as root" });
  setLogLevel(levelOf(options));
  process.chdir("/");
  process.umask(0o022);
  process.on("unhandledRejection", (error) => log.error("unhandled rejection", { error: explain(error), stack: (error as Error)?.stack }));
  const daemon = await startDaemon({ directory: options.dir, group: options.group, userGroup: options["user-group"] });
  process.on("SIGTERM", daemon.stop);
  process.on("SIGINT", daemon.stop);
  process.on("SIGPWR", daemon.shutDown);
  process.on("SIGHUP", () => {});
  await daemon.ended;
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`Error: ${error instanceof BerthError ? error.message : explain(error)}\n`);
    if (error instanceof BerthError && error.hint) process.stderr.write(`Hint: ${error.hint}\n`);
    process.exit(1);
  },
);
