// berth project
import type { Project, ProjectState } from "../../../server/api/projects.ts";
import { isTrue } from "../../../server/api/config-keys/key.ts";
import { defineCommand, formatFlag, type Group } from "../../command.ts";
import { compareRows } from "../../output/natural.ts";
import { projectShape, projectStateShape } from "../../output/shape.ts";
import { formatSizeIec } from "../../output/units.ts";
import { listedServer } from "../../remote.ts";
import { saveConfig } from "../../remotes/config.ts";
import { projectChangeCommands } from "./change.ts";

const features = ["features.images", "features.profiles", "features.storage.volumes", "features.networks"];

const listCommand = defineCommand({
  name: "list",
  aliases: ["ls"],
  summary: "List projects",
  args: [0, 1],
  flags: { format: formatFlag },
  async run(ctx, args, flags) {
    const server = listedServer(ctx, args);
    await ctx.list(flags.format, async () => {
      const projects = (await server.client.listProjects({ recursion: "1" })) as Project[];
      const current = server.settings.project || "default";
      const rows = projects.map(({ name, config, description, used_by: usedBy }) => [
        name === current ? `${name} (current)` : name, ...features.map((key) => (isTrue(config[key]) ? "YES" : "NO")), description, String((usedBy ?? []).length),
      ]);
      const header = ["NAME", "IMAGES", "PROFILES", "STORAGE VOLUMES", "NETWORKS", "DESCRIPTION", "USED BY"];
      return { header, rows: rows.sort(compareRows), raw: projects, shape: projectShape };
    });
  },
});

const infoCommand = defineCommand({
  name: "info",
  usage: "<project>",
  summary: "Get a summary of resource allocations",
  args: [1, 1],
  flags: { format: formatFlag },
  async run(ctx, [argument], flags) {
    const { server, name } = ctx.resolve(argument, "project");
    await ctx.list(flags.format, async () => {
      const state = await server.client.getProjectState({ name });
      const rows = Object.entries(state.resources).map(([resource, { Limit, Usage }]) => {
        const text = ["disk", "memory"].includes(resource) ? formatSizeIec : String;
        return [resource.toUpperCase(), Limit < 0 ? "UNLIMITED" : text(Limit), text(Usage)];
      });
      return { header: ["RESOURCE", "LIMIT", "USAGE"], rows: rows.sort(compareRows), raw: flags.format === "yaml" ? lowerCased(state) : state, shape: projectStateShape };
    });
  },
});

const switchCommand = defineCommand({
  name: "switch",
  usage: "[<remote>:]<project>",
  summary: "Switch the current project",
  args: [1, 1],
  async run(ctx, [argument]) {
    const { server, name } = ctx.resolve(argument, "project");
    await server.client.getProject({ name });
    ctx.config.remotes[server.remote] = { ...server.settings, project: name };
    saveConfig(ctx.config);
  },
});

/** LXD's names for these say how JSON writes them, and nothing of YAML: Go takes lower case then. */
function lowerCased({ resources }: ProjectState): unknown {
  return { resources: Object.fromEntries(Object.entries(resources).map(([name, { Limit, Usage }]) => [name, { limit: Limit, usage: Usage }])) };
}

export const projectGroup: Group = { name: "project", summary: "Manage projects", commands: [...projectChangeCommands, infoCommand, listCommand, switchCommand] };
