// berth project
import { defineCommand, type Group } from "../../command.ts";
import { saveConfig } from "../../remotes/config.ts";

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

export const projectGroup: Group = {
  name: "project",
  summary: "Manage projects",
  commands: [switchCommand],
};
