// berth remote list
import { defineCommand, formatFlag } from "../../command.ts";
import { compareRows } from "../../output/natural.ts";
import { renderListing } from "../../output/render.ts";
import { renderYaml } from "../../output/yaml.ts";
import { type Remote, remoteMembers } from "../../remotes/config.ts";

const yesNo = (value: boolean | undefined) => (value ? "YES" : "NO");

function authType({ addr, auth_type, protocol }: Remote): string {
  if (auth_type) return auth_type;
  if (addr.startsWith("unix:")) return "file access";
  return protocol === "simplestreams" ? "none" : "tls";
}

export const remoteListCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List the available remotes",
  args: [0, 0],
  flags: { format: formatFlag },
  async run(ctx, _args, flags) {
    const { config: { remotes }, defaultRemote } = ctx;
    if (flags.format === "yaml") return ctx.write(renderYaml(Object.fromEntries(Object.entries(remotes).map(([name, it]) => [name, remoteMembers(it)]))));
    if (flags.format === "json") return ctx.print(JSON.stringify(forJson(remotes)));
    const rows = Object.entries(remotes).map(([name, it]) => [
      name === defaultRemote ? `${name} (current)` : name, it.addr, it.protocol || "lxd", authType(it), yesNo(it.public), yesNo(it.isStatic), yesNo(it.isGlobal),
    ]);
    const header = ["NAME", "URL", "PROTOCOL", "AUTH TYPE", "PUBLIC", "STATIC", "GLOBAL"];
    ctx.write(renderListing(flags.format, { header, rows: rows.sort(compareRows), raw: [], shape: "map" }));
  },
});

/** With the members' names that lxc's JSON has. */
function forJson(remotes: Readonly<Record<string, Remote>>): unknown {
  const names = Object.keys(remotes).sort();
  return Object.fromEntries(names.map((name) => {
    const { addr, auth_type = "", project = "", protocol = "", public: isPublic, isGlobal = false, isStatic = false } = remotes[name] as Remote;
    return [name, { Addr: addr, AuthType: auth_type, Domain: "", Project: project, Protocol: protocol, Public: isPublic, Global: isGlobal, Static: isStatic }];
  }));
}
