// Names of vendors, products and classes, from the pci.ids and usb.ids that distributions bring. They are looked up in the text as
// it lies: it is large, and few names are wanted.
import type { Sysfs } from "./sysfs.ts";

const folders = ["/usr/share/hwdata", "/usr/share/misc", "/var/lib/usbutils"];

export class DeviceNames {
  readonly #text: string;

  constructor(sysfs: Sysfs, file: "pci.ids" | "usb.ids") {
    this.#text = `\n${folders.map((folder) => sysfs.text(`${folder}/${file}`)).find((text) => text !== undefined) ?? ""}\n`;
  }

  /** Where the entry of `key` begins at a depth, between two places. */
  #find(key: string, depth: number, from = 0, to = this.#text.length): number | undefined {
    const at = this.#text.indexOf(`\n${"\t".repeat(depth)}${key}  `, from);
    return at < 0 || at >= to ? undefined : at + 1;
  }

  /** Where the entries below one end. */
  #end(at: number): number {
    const next = /\n[^\t#\n]/g;
    next.lastIndex = at;
    return next.exec(this.#text)?.index ?? this.#text.length;
  }

  #name(at: number): string {
    const line = this.#text.slice(at, this.#text.indexOf("\n", at));
    return line.slice(line.indexOf("  ") + 2).trim();
  }

  #pair(key: string, inner: string): { outer?: string; inner?: string } {
    const at = this.#find(key, 0);
    if (at === undefined) return {};
    const below = inner === "" ? undefined : this.#find(inner, 1, at, this.#end(at));
    return { outer: this.#name(at), ...(below === undefined ? {} : { inner: this.#name(below) }) };
  }

  /** By hexadecimal ids of four digits. */
  device(vendor: string, product: string): { vendor?: string; product?: string } {
    const { outer, inner } = this.#pair(vendor, product);
    return { ...(outer ? { vendor: outer } : {}), ...(inner ? { product: inner } : {}) };
  }

  /** By hexadecimal numbers of two digits; usb.ids alone has these. */
  usbClass(code: string, subclass: string): { class: string; subclass: string } {
    const { outer, inner } = this.#pair(`C ${code}`, subclass);
    return { class: outer ?? "", subclass: inner ?? "" };
  }
}
