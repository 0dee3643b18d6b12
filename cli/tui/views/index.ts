// All views, in the order that Tab goes through them.
import { imagesView } from "./images.ts";
import { instancesView } from "./instances.ts";
import { operationsView } from "./operations.ts";
import { networksView, profilesView, storageView } from "./resources.ts";
import { snapshotsView } from "./snapshots.ts";
import { warningsView } from "./warnings.ts";
import type { View } from "./view.ts";

export const views: readonly View[] = [instancesView, imagesView, networksView, storageView, profilesView, operationsView, warningsView];
const all: readonly View[] = [...views, snapshotsView];

export function viewOf(id: string): View {
  return all.find((view) => view.id === id) ?? instancesView;
}

/** The view that a word means: its name, another name of it, or the beginning of its name. */
export function findView(word: string): View | undefined {
  const wanted = word.toLowerCase();
  return views.find(({ id, aliases }) => id === wanted || aliases.includes(wanted)) ?? (wanted === "" ? undefined : views.find(({ id }) => id.startsWith(wanted)));
}
