// berth monitor
import { closest } from "../../../server/api/config-keys/key.ts";
import { type Event, eventTypes } from "../../../server/api/events.ts";
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import { streamEvents } from "../../events.ts";
import { renderJson, sortKeys } from "../../output/json.ts";
import { trimFraction } from "../../output/units.ts";
import { renderYaml } from "../../output/yaml.ts";
import { levelOf, levels, renderPretty } from "./pretty-event.ts";

const formats = ["json", "pretty", "yaml"];

export const monitorCommand = defineCommand({
  name: "monitor",
  summary: "Monitor a local or remote Berth server",
  description: `Monitor a local Berth server

By default the monitor will listen to all message types.`,
  examples: `berth monitor --type=logging
    Only show log messages.

berth monitor --pretty --type=logging --loglevel=info
    Show a pretty log of messages with info level or higher.

berth monitor --type=lifecycle
    Only show lifecycle events.`,
  args: [0, 1],
  flags: {
    "all-projects": { kind: "bool", description: "Show events from all projects" },
    format: { kind: "string", short: "f", default: "yaml", description: "Format (json|pretty|yaml)" },
    loglevel: { kind: "string", description: "Minimum level for log messages (only available when using pretty format)" },
    pretty: { kind: "bool", description: "Pretty rendering (short for --format=pretty)" },
    type: { kind: "list", description: "Event type to listen for" },
  },
  async run(ctx, args, flags) {
    const { server } = ctx.resolve(args[0]);
    const format = flags.pretty ? "pretty" : flags.format;
    if (!formats.includes(format)) throw new CliError(`Invalid format: ${format}`);
    if (format !== "pretty" && flags.loglevel !== "") throw new CliError("Log level filtering can only be used with pretty formatting");
    const least = parseLevel(flags.loglevel);
    const types = flags.type.flatMap((type) => type.split(","));
    const isTerminal = process.stdout.isTTY === true && !ctx.env["NO_COLOR"];
    assertTypes(types);
    const show = (sent: Event) => {
      if (types.length > 0 && !types.includes(sent.type)) return;
      const event = { ...sent, timestamp: trimFraction(sent.timestamp) };
      if (format === "yaml") ctx.write(`${renderYaml(event)}\n\n`);
      else if (format === "json") ctx.write(`${renderJson(sortKeys(event))}\n\n`);
      else if (levelOf(event) <= least) ctx.write(renderPretty(event, isTerminal));
    };
    await (await streamEvents(server, types, show, flags["all-projects"] ? { "all-projects": "true" } : {})).ended;
  },
});

function assertTypes(types: readonly string[]): void {
  const unknown = types.find((type) => !(eventTypes as readonly string[]).includes(type));
  if (unknown === undefined) return;
  const near = closest(unknown, eventTypes);
  throw new CliError(`"${unknown}" isn't a supported event type`, { hint: near ? `did you mean "${near}"?` : `choose among ${eventTypes.join(", ")}.` });
}

function parseLevel(name: string): number {
  if (name === "") return levels.indexOf("debug");
  const level = levels.indexOf(name.toLowerCase() === "warn" ? "warning" : name.toLowerCase());
  if (level >= 0) return level;
  const near = closest(name.toLowerCase(), levels);
  throw new CliError(`not a valid log level: "${name}"`, { hint: near ? `did you mean "${near}"?` : `choose one of ${levels.join(", ")}.` });
}
