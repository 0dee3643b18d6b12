// images/recipes/reference.md: what a recipe may say, made from its schema.
import type { Rule } from "./check.ts";
import { Recipe } from "./recipe-schema.ts";

const nouns: Readonly<Record<string, string>> = { string: "text", boolean: "true or false", integer: "number", array: "list", object: "map" };

function kindOf(rule: Rule): string {
  if (rule.const !== undefined) return `\`${rule.const}\``;
  if (rule.anyOf) return [...new Set(rule.anyOf.map(kindOf))].join(" or ");
  if (rule.type === "array") return `list of ${kindOf(rule.items ?? {}).replace(/^text$/, "texts").replace(/^map$/, "maps")}`;
  return nouns[rule.type ?? ""] ?? "";
}

/** The maps that a rule leads to: of a list its items, of a union its members, of a record its values. */
function mapsIn(rule: Rule): Rule[] {
  if (rule.properties) return [rule];
  const inner = [...(rule.anyOf ?? []), ...(rule.items ? [rule.items] : []), ...Object.values(rule.patternProperties ?? {})];
  return inner.flatMap(mapsIn);
}

function table(rule: Rule): string[] {
  const rows = Object.entries(rule.properties ?? {}).map(([name, one]) => {
    const needed = rule.required?.includes(name) ? " (needed)" : "";
    return `| \`${name}\` | ${kindOf(one)}${needed} | ${(one.description ?? "").replaceAll("|", "\\|")} |`;
  });
  return ["| Key | Value | |", "|---|---|---|", ...rows, ""];
}

function sections(name: string, rule: Rule): string[] {
  return mapsIn(rule).flatMap((map) => {
    const type = map.properties?.["type"]?.const;
    const title = type ? `${name}: type ${type}` : name;
    const deeper = Object.entries(map.properties ?? {}).flatMap(([key, one]) => (mapsIn(one).length > 0 ? sections(`${name}.${key}`, one) : []));
    return [`## ${title}`, "", ...(type && map.description ? [`${map.description}.`, ""] : []), ...table(map), ...deeper];
  });
}

export function recipeReference(): string {
  const recipe = Recipe as Rule;
  const lines = [
    "# Recipes of images", "", "<!-- Made from images/build/recipe-schema.ts: npm run generate -->", "",
    "`berth image build FILE` makes an image of a recipe, a YAML file, as root. The order of work: the source, the packages, the files, the",
    "commands, the cleaning up, the packing. Commands run as root of the new root file system, in namespaces of their own: they see nothing of the",
    "machine but its kernel, and no network unless they are to. The same recipe and the same archive of packages make the same image.", "",
    ...table(recipe), ...Object.entries(recipe.properties ?? {}).flatMap(([name, rule]) => (mapsIn(rule).length > 0 ? sections(name, rule) : [])),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}
