// A recipe's YAML as a tree that knows its lines, so that whatever is wrong can be pointed at. Scalars are the
// text that stands there: `version: 12.10` stays "12.10".
import { EVENT_ID, type Event, getScalarValue, parseEvents, SCALAR_STYLE, YAMLException } from "js-yaml";
import { fail } from "../../server/api/errors.ts";

export interface Place {
  file: string;
  /** From 1 on; 0 when it is the file as a whole. */
  line: number;
}
export interface ScalarNode extends Place {
  kind: "scalar";
  text: string;
  /** Written without quotes and not as a block: `true` and `12` may be more than text. */
  plain: boolean;
}
export interface ListNode extends Place {
  kind: "list";
  items: DocumentNode[];
}
export interface MapNode extends Place {
  kind: "map";
  entries: Map<string, { key: Place; value: DocumentNode }>;
}
export type DocumentNode = ScalarNode | ListNode | MapNode;

/** How a place is told: FILE:LINE. */
export function tellPlace({ file, line }: Place): string {
  return line > 0 ? `${file}:${line}` : file;
}

/** The error of a recipe, at a place of it. */
export function recipeError(place: Place, reason: string, cause?: unknown): Error {
  return fail("recipe_invalid", { place: tellPlace(place), reason }, cause);
}

const sizeLimit = 1024 * 1024;

class Reader {
  readonly #text: string;
  readonly #file: string;
  readonly #events: Event[];
  #at = 0;
  #scanned = 0;
  #line = 1;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
    this.#events = parseEvents(text, { maxDepth: 20 });
  }

  /** Offsets only grow on the way through the events. */
  #lineOf(offset: number): number {
    for (; this.#scanned < offset; this.#scanned++) if (this.#text[this.#scanned] === "\n") this.#line++;
    return this.#line;
  }

  #place(offset: number): Place {
    return { file: this.#file, line: this.#lineOf(offset) };
  }

  document(): DocumentNode {
    const documents = this.#events.filter(({ type }) => type === EVENT_ID.DOCUMENT).length;
    if (documents !== 1) throw recipeError({ file: this.#file, line: 0 }, documents === 0 ? "it is empty" : "it holds more than one document");
    this.#at = 1;
    return this.#node();
  }

  #node(): DocumentNode {
    const event = this.#events[this.#at++];
    if (!event || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) throw recipeError({ file: this.#file, line: 0 }, "it is empty");
    if (event.type === EVENT_ID.ALIAS || event.anchorStart >= 0) throw recipeError(this.#place(event.anchorStart), "anchors and aliases are not supported");
    if (event.tagStart >= 0) throw recipeError(this.#place(event.tagStart), "tags are not supported");
    if (event.type === EVENT_ID.SCALAR) {
      return { kind: "scalar", ...this.#place(event.valueStart), text: getScalarValue(this.#text, event), plain: event.style === SCALAR_STYLE.PLAIN };
    }
    const place = this.#place(event.start);
    return event.type === EVENT_ID.SEQUENCE ? { kind: "list", ...place, items: this.#items() } : { kind: "map", ...place, entries: this.#entries() };
  }

  #items(): DocumentNode[] {
    const items: DocumentNode[] = [];
    while (this.#events[this.#at]?.type !== EVENT_ID.POP) items.push(this.#node());
    this.#at++;
    return items;
  }

  #entries(): MapNode["entries"] {
    const entries: MapNode["entries"] = new Map();
    while (this.#events[this.#at]?.type !== EVENT_ID.POP) {
      const key = this.#node();
      if (key.kind !== "scalar") throw recipeError(key, "a key is not a word");
      if (entries.has(key.text)) throw recipeError(key, `"${key.text}" stands there twice`);
      entries.set(key.text, { key, value: this.#node() });
    }
    this.#at++;
    return entries;
  }
}

/** Reads the one document of a recipe. Throws `recipe_invalid` with the line. */
export function parseDocument(text: string, file: string): DocumentNode {
  if (text.length > sizeLimit) throw recipeError({ file, line: 0 }, `it is larger than ${sizeLimit} bytes`);
  try {
    return new Reader(text, file).document();
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw recipeError({ file, line: (error.mark?.line ?? -1) + 1 }, `it is not valid YAML: ${error.reason}`, error);
  }
}

/** A document that adds to another: maps are merged, lists appended, all else is taken from the later one. */
export function mergeDocuments(earlier: DocumentNode, later: DocumentNode): DocumentNode {
  if (earlier.kind === "list" && later.kind === "list") return { ...later, items: [...earlier.items, ...later.items] };
  if (earlier.kind !== "map" || later.kind !== "map") return later;
  const entries: MapNode["entries"] = new Map(earlier.entries);
  for (const [name, { key, value }] of later.entries) {
    const before = entries.get(name)?.value;
    entries.set(name, { key, value: before ? mergeDocuments(before, value) : value });
  }
  return { ...later, entries };
}
