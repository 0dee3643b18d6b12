// What a recipe may say. Types, checks and the reference (images/recipes/reference.md) are made of this one table.
import { type Static, Type } from "typebox";

const owner = Type.String({
  pattern: "^[a-z0-9_][a-z0-9_.-]{0,31}(:[a-z0-9_][a-z0-9_.-]{0,31})?$",
  description: "user, or user:group; numbers, or names of the root file system's own /etc/passwd and /etc/group. 0:0 when absent",
});
const mode = Type.String({ pattern: "^[0-7]{3,4}$", description: "Permissions in octal. 0644 when absent, 0755 for folders" });
const absolutePath = (description: string) => Type.String({ pattern: "^/[^\\0]*$", maxLength: 4095, description });
const sha256 = Type.String({ pattern: "^[0-9a-fA-F]{64}$", description: "What the file's SHA-256 has to be" });

export const DebootstrapSource = Type.Object({
  type: Type.Literal("debootstrap"),
  suite: Type.String({ pattern: "^[a-z][a-z0-9.-]{1,40}$", description: "Code name of the release: bookworm, trixie, noble" }),
  mirror: Type.Optional(Type.String({
    pattern: "^(https?|file)://[^\\s\\[\\]]+$",
    description: "The archive. When absent: for Debian the one that this machine's apt uses, with updates and security; for Ubuntu archive.ubuntu.com",
  })),
  components: Type.Optional(Type.Array(Type.String({ pattern: "^[a-z][a-z0-9-]*$" }), { description: "Parts of the archive: [main] when absent" })),
  variant: Type.Optional(Type.Union([Type.Literal("minbase"), Type.Literal("important"), Type.Literal("required"), Type.Literal("buildd")], {
    description: "What is installed besides `packages`: minbase when absent",
  })),
  exclude: Type.Optional(Type.Array(Type.String({ pattern: "^/[^\\n]*$" }), {
    description: "Paths that no package brings in, with * for anything: /usr/share/man/*. Copyright files stay",
  })),
  keyring: Type.Optional(absolutePath("File on this machine with the keys that the archive is signed with. When absent: the distribution's own")),
  tool: Type.Optional(Type.Union([Type.Literal("mmdebstrap"), Type.Literal("debootstrap")], { description: "mmdebstrap when absent" })),
}, { description: "A Debian or Ubuntu, from its archive of packages" });

export const TarballSource = Type.Object({
  type: Type.Literal("tarball"),
  path: Type.Optional(Type.String({ minLength: 1, description: "File, seen from the recipe's folder: a tarball (plain, gz, xz, lzma, bz2, zst) or a squashfs" })),
  url: Type.Optional(Type.String({ pattern: "^https?://[^\\s]+$", description: "Where it is downloaded from, instead; `sha256` has to be given" })),
  sha256: Type.Optional(sha256),
}, { description: "A root file system in an archive" });

export const ImageSource = Type.Object({
  type: Type.Literal("image"),
  image: Type.String({ minLength: 1, description: "Alias or fingerprint" }),
  remote: Type.Optional(Type.String({ minLength: 1, description: "The remote that has it: the one that the client uses anyway when absent" })),
}, { description: "An image that there is already. Its properties and templates are taken over" });

export const BusyboxSource = Type.Object({
  type: Type.Literal("busybox"),
}, { description: "Next to nothing: this machine's static busybox (Debian's busybox-static) with links for all that it can be" });

const FileContent = {
  content: Type.Optional(Type.String({ description: "The file's text" })),
  source: Type.Optional(Type.String({ minLength: 1, description: "File or folder beside the recipe that is copied" })),
};

export const FileEntry = Type.Object({
  path: absolutePath("Where it goes. Links in the root file system are followed inside it only"),
  ...FileContent,
  link: Type.Optional(Type.String({ minLength: 1, description: "Makes a symbolic link to this, in place of what is there" })),
  directory: Type.Optional(Type.Boolean({ description: "true makes an empty folder" })),
  mode: Type.Optional(mode),
  owner: Type.Optional(owner),
  template: Type.Optional(Type.Boolean({
    description: "true renders the text as a template of images: {{ properties.release }}, {{ architecture }}, {{ created }}",
  })),
});

const script = Type.String({ minLength: 1, maxLength: 60_000 });
const program = Type.Array(Type.String({ maxLength: 60_000 }), { minItems: 1 });

export const RunStep = Type.Object({
  command: Type.Union([script, program], {
    description: "A text is a script for the root file system's /bin/sh -e, a list a program and its arguments",
  }),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 80, description: "What it is called in the log" })),
  env: Type.Optional(Type.Record(Type.String(), Type.String(), { description: "Variables of its environment" })),
  cwd: Type.Optional(absolutePath("Its working folder: / when absent")),
  network: Type.Optional(Type.Boolean({ description: "true lets it use this machine's network; without it there is none" })),
});

const trigger = Type.Union([Type.Literal("create"), Type.Literal("copy"), Type.Literal("start"), Type.Literal("rename")]);

export const TemplateEntry = Type.Object({
  ...FileContent,
  when: Type.Optional(Type.Array(trigger, { minItems: 1, description: "[create, copy, rename] when absent" })),
  create_only: Type.Optional(Type.Boolean({ description: "true leaves a file alone that is there already" })),
  properties: Type.Optional(Type.Record(Type.String(), Type.String(), { description: "What the template finds in `properties`" })),
});

export const Target = Type.Object({
  format: Type.Union([Type.Literal("squashfs"), Type.Literal("split"), Type.Literal("unified")], {
    description: "squashfs: metadata.tar.xz and rootfs.squashfs, which is mounted instead of unpacked. split: metadata.tar.xz and rootfs.tar.*. unified: unified.tar.*",
  }),
  compression: Type.Optional(Type.Union([Type.Literal("zstd"), Type.Literal("xz"), Type.Literal("gzip"), Type.Literal("none")], {
    description: "zstd when absent for squashfs, else xz",
  })),
  level: Type.Optional(Type.Integer({ minimum: 1, maximum: 22, description: "How hard it is packed, in the compressor's own numbers" })),
});

export const Recipe = Type.Object({
  extends: Type.Optional(Type.String({
    minLength: 1,
    description: "Another recipe, seen from this one's folder, that this one adds to: maps are merged, lists are appended",
  })),
  description: Type.Optional(Type.String({ maxLength: 200, description: "One line; also the image's property of that name" })),
  architecture: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9_-]{1,32}$", description: "This machine's when absent" })),
  source: Type.Union([DebootstrapSource, TarballSource, ImageSource, BusyboxSource], { description: "What it begins with; `type` says which kind" }),
  packages: Type.Optional(Type.Array(Type.String({ pattern: "^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?$" }), {
    description: "Debian packages to install, without what they only recommend",
  })),
  files: Type.Optional(Type.Array(FileEntry, { description: "Files, folders and links to make, in this order, after the packages" })),
  run: Type.Optional(Type.Array(Type.Union([script, program, RunStep]), {
    description: "Commands to run in the root file system, in this order, after the files. A text or a list is short for {command: …}",
  })),
  cleanup: Type.Optional(Type.Object({
    standard: Type.Optional(Type.Boolean({
      description: "Unless false: machine-id, logs, lists and caches of apt, backups of passwd, /tmp and all else that differs from build to build is emptied",
    })),
    remove: Type.Optional(Type.Array(absolutePath("A file or a folder with all that is in it"), { description: "What else is removed" })),
  }, { description: "What is taken away before packing" })),
  metadata: Type.Optional(Type.Object({
    properties: Type.Optional(Type.Record(Type.String(), Type.String(), { description: "os, release, variant and whatever else; shown by image info" })),
    expires: Type.Optional(Type.String({ pattern: "^([1-9][0-9]{0,4}[dwy]|[0-9]{4}-[0-9]{2}-[0-9]{2})$", description: "After how long (90d, 8w, 2y, from its creation) or when (2027-01-31) the image expires" })),
    created: Type.Optional(Type.String({
      pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
      description: "The image's date. When absent: $SOURCE_DATE_EPOCH, or the date of what it is made of",
    })),
  }, { description: "What the image says of itself" })),
  templates: Type.Optional(Type.Record(Type.String({ pattern: "^/[^\\0]+[^/]$" }), TemplateEntry, {
    description: "Files that are written anew in each instance, by their path, with {{ instance.name }} and {{ config_get(\"user.key\", \"default\") }}",
  })),
  targets: Type.Optional(Type.Array(Target, { minItems: 1, description: "What is made: [{format: squashfs}] when absent" })),
});

export type Recipe = Static<typeof Recipe>;
export type RunStep = Static<typeof RunStep>;
export type FileEntry = Static<typeof FileEntry>;
export type TemplateEntry = Static<typeof TemplateEntry>;
export type Target = Static<typeof Target>;
export type Source<T extends Recipe["source"]["type"]> = Extract<Recipe["source"], { type: T }>;
