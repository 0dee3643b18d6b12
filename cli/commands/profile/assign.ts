// berth profile add, assign and remove: which profiles an instance has
import { defineCommand } from "../../command.ts";
import { CliError } from "../../errors.ts";
import type { Server } from "../../remotes/server.ts";
import { writableInstance } from "../../writable.ts";

async function changeProfiles(server: Server, name: string, change: (profiles: string[]) => string[]): Promise<void> {
  const { value, headers } = await server.readForChange(() => server.client.getInstance({ name }));
  const body = { ...writableInstance(value), profiles: change(value.profiles ?? []) };
  await server.follow(await server.client.replaceInstance({ name, body, headers }));
}

const add = defineCommand({
  name: "add",
  usage: "<instance> <profile>",
  summary: "Add profiles to instances",
  args: [2, 2],
  async run(ctx, [instance, profile = ""]) {
    const { server, name } = ctx.resolve(instance, "instance");
    await changeProfiles(server, name, (profiles) => [...profiles, profile]);
    ctx.say(`Profile ${profile} added to ${name}`);
  },
});

const assign = defineCommand({
  name: "assign",
  aliases: ["apply"],
  usage: "<instance> <profiles>",
  summary: "Assign sets of profiles to instances",
  examples: `berth profile assign foo default,bar
    Set the profiles for "foo" to "default" and "bar".

berth profile assign foo default
    Reset "foo" to only using the "default" profile.

berth profile assign foo ''
    Remove all profile from "foo"`,
  args: [2, 2],
  async run(ctx, [instance, profiles = ""]) {
    const { server, name } = ctx.resolve(instance, "instance");
    await changeProfiles(server, name, () => (profiles === "" ? [] : profiles.split(",")));
    ctx.say(`Profiles ${profiles || "(none)"} applied to ${name}`);
  },
});

const remove = defineCommand({
  name: "remove",
  usage: "<instance> <profile>",
  summary: "Remove profiles from instances",
  args: [2, 2],
  async run(ctx, [instance, profile = ""]) {
    const { server, name } = ctx.resolve(instance, "instance");
    await changeProfiles(server, name, (profiles) => {
      if (!profiles.includes(profile)) throw new CliError(`Profile ${profile} isn't currently applied to ${name}`);
      return profiles.filter((it) => it !== profile);
    });
    ctx.say(`Profile ${profile} removed from ${name}`);
  },
});

export const profileAssignCommands = [add, assign, remove];
