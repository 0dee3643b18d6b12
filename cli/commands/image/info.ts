// berth image info
import type { Image } from "../../../server/api/images.ts";
import { defineCommand } from "../../command.ts";
import { formatUtc, isTimeSet } from "../../output/units.ts";
import { imageOf } from "./images-of.ts";

export const imageInfoCommand = defineCommand({
  name: "info",
  usage: "<image>",
  summary: "Show useful information about images",
  args: [1, 1],
  flags: { vm: { kind: "bool", description: "Query virtual machine images", hidden: true } },
  async run(ctx, [image]) {
    const { server, name } = ctx.resolve(image);
    ctx.write(renderImage(await imageOf(server, name)));
  },
});

export function renderImage(image: Image): string {
  const yesNo = (value: boolean) => (value ? "yes" : "no");
  const profiles = image.profiles ?? [];
  const lines = [
    `Fingerprint: ${image.fingerprint}`,
    `Size: ${(image.size / 1024 / 1024).toFixed(2)}MB`,
    `Architecture: ${image.architecture}`,
    `Type: ${image.type || "container"}`,
    `Public: ${yesNo(image.public)}`,
    "Timestamps:",
    ...(isTimeSet(image.created_at) ? [`    Created: ${formatUtc(image.created_at)}`] : []),
    `    Uploaded: ${formatUtc(image.uploaded_at)}`,
    `    Expires: ${isTimeSet(image.expires_at) ? formatUtc(image.expires_at) : "never"}`,
    `    Last used: ${isTimeSet(image.last_used_at) ? formatUtc(image.last_used_at) : "never"}`,
    "Properties:",
    ...Object.entries(image.properties ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `    ${key}: ${value}`),
    "Aliases:",
    ...(image.aliases ?? []).map(({ name, description }) => `    - ${name}${description ? ` (${description})` : ""}`),
    `Cached: ${yesNo(image.cached)}`,
    `Auto update: ${image.auto_update ? "enabled" : "disabled"}`,
    ...(profiles.length === 0 ? ["Profiles: []"] : ["Profiles:", ...profiles.map((name) => `    - ${name}`)]),
  ];
  return `${lines.join("\n")}\n`;
}
