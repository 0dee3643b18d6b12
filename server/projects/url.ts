// URLs of things in projects.
import { type Caller, mayIn } from "../auth/caller.ts";
import { defaultProject } from "./store.ts";

/** A path, with its project when that is not the default one. */
export function urlIn(project: string, path: string): string {
  return project === defaultProject ? path : `${path}?project=${encodeURIComponent(project)}`;
}

function projectOf(url: string): string {
  return new URLSearchParams(url.split("?")[1]).get("project") ?? defaultProject;
}

/** Those of some things, by their URLs, that a caller may see. */
export function seenBy(caller: Caller, urls: readonly string[]): string[] {
  return urls.filter((url) => caller.admin || mayIn(caller, projectOf(url), "view"));
}
