// How each program is bundled by esbuild: entries, what stays outside, what is replaced.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lightTables } from "./tables.mjs";

/** Native modules: copied beside the bundle, not into it. */
export const natives = ["better-sqlite3", "koffi"];

/** Optional speed-ups that `ws` and `ssh2` try to load and do without. */
const optional = ["bufferutil", "utf-8-validate", "cpu-features", "*.node"];

const stub = (name) => fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));

/** Node drops the extra certificates at start (reading them costs 30 ms); the programs find the file's name in BERTH_CA. */
const shebang = '#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS BERTH_CA=${NODE_EXTRA_CA_CERTS} node';
/** The daemon lives long and mostly waits: a small young generation and few arenas keep it small. */
const daemonShebang = shebang.replace(/ node$/, " MALLOC_ARENA_MAX=2 node --max-semi-space-size=2 --heap-growing-percent=200");
const metaUrl = 'const berthBundleUrl=require("node:url").pathToFileURL(__filename).href;';

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

const common = {
  bundle: true,
  platform: "node",
  target: "node20.19",
  write: false,
  metafile: true,
  legalComments: "none",
  logLevel: "silent",
  loader: { ".sql": "text", ".sh": "text", ".txt": "text" },
  define: { "process.env.NODE_ENV": '"production"', "import.meta.url": "berthBundleUrl", BERTH_VERSION: JSON.stringify(version) },
};

/** What few commands need is loaded when it is asked for: `import("…/sftp/index.ts")` becomes an import of a bundle of its own. */
const sftpApart = {
  name: "sftp-apart",
  setup(build) {
    build.onResolve({ filter: /sftp\/index\.ts$/ }, ({ kind }) => (kind === "dynamic-import" ? { path: "./berth-sftp-client.js", external: true } : undefined));
  },
};

/** The options of dist/berth-sftp-client.js. */
export function sftpClientBundle(root) {
  return {
    ...common,
    absWorkingDir: root,
    entryPoints: ["cli/sftp/index.ts"],
    outfile: "dist/berth-sftp-client.js",
    format: "cjs",
    minify: true,
    external: optional,
    alias: { typebox: stub("typebox-stub") },
    banner: { js: metaUrl },
  };
}

/** The full-screen view is loaded when it is asked for: `import("./tui/….tsx")` becomes an import of a bundle of its own. */
function tuiApart(found) {
  return {
    name: "tui-apart",
    setup(build) {
      build.onResolve({ filter: /tui\// }, async (args) => {
        if (args.kind !== "dynamic-import" || args.pluginData === "resolved") return undefined;
        const real = await build.resolve(args.path, { resolveDir: args.resolveDir, kind: args.kind, pluginData: "resolved" });
        if (real.errors.length > 0) return { errors: real.errors };
        found.add(real.path);
        return { path: "./berth-tui.mjs", external: true };
      });
    },
  };
}

/** The options of dist/berthd. */
export function daemonBundle(root) {
  return {
    ...common,
    absWorkingDir: root,
    entryPoints: ["server/main.ts"],
    outfile: "dist/berthd",
    format: "cjs",
    external: [...natives, ...optional],
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: true,
    sourcemap: false,
    banner: { js: `${daemonShebang}\n${metaUrl}` },
  };
}

/** The options of dist/berth-sftp, which the daemon starts for each SFTP session. */
export function sftpBundle(root) {
  return { ...daemonBundle(root), external: ["koffi", ...optional], entryPoints: ["server/sftp/main.ts"], outfile: "dist/berth-sftp" };
}

/** The options of dist/berth-images, which the client starts for what it does with images on its own machine. */
export function imagesBundle(root) {
  return { ...daemonBundle(root), external: ["koffi", ...optional], entryPoints: ["images/main.ts"], outfile: "dist/berth-images" };
}

/** The options of dist/berth-forwarder, which serves proxy devices. The daemon starts it, by its own node. */
export function forwarderBundle(root) {
  return {
    ...daemonBundle(root),
    entryPoints: ["server/devices/proxy/forwarder/main.ts"],
    outfile: "dist/berth-forwarder",
    banner: { js: metaUrl },
  };
}

/** The options of dist/berth-guest-mounts, which the daemon runs in the mount namespaces of guests: small, as it is loaded each time. */
export function guestMountsBundle(root) {
  return { ...daemonBundle(root), entryPoints: ["server/host/guest-mounts/helper.ts"], outfile: "dist/berth-guest-mounts", external: ["koffi", ...optional] };
}

const lazily = "const berthLazily=(load)=>{let loaded;return new Proxy({},{get:(_,key)=>(loaded??=load())[key]})};";

/** Of Node's own modules only those are loaded of which something is used. The rest of the text is as it was. */
export function loadLazily(text) {
  return text.replace(/\brequire\("(node:(?:child_process|crypto|events|fs\/promises|http|https|net|os|readline|stream\/promises|tls|tty))"\)/g, 'berthLazily(()=>require("$1"))');
}

/** The text of the client's bundle, which runs from a code cache: there `import()` has to be a function. */
export function finishClient(text) {
  return loadLazily(text).replace(/\bimport\("/g, 'berthImport("');
}

/** The text of dist/berth, which runs the bundle. */
export function launcher() {
  return `${shebang}\n${readFileSync(new URL("./launch.cjs", import.meta.url), "utf8")}`;
}

/**
 * The options of dist/berth-client.js, a function that dist/berth calls. Entries of the full-screen view that it meets are added to
 * `tui`, files that it depends on besides those of its metafile to `inputs`.
 */
export function clientBundle(root, tui, inputs = new Set()) {
  return {
    ...common,
    absWorkingDir: root,
    entryPoints: ["cli/main.ts"],
    outfile: "dist/berth-client.js",
    format: "cjs",
    minify: true,
    external: optional,
    alias: { typebox: stub("typebox-stub") },
    plugins: [tuiApart(tui), sftpApart, lightTables(root, inputs)],
    banner: { js: `(function(require,berthImport,__filename,__dirname){${metaUrl}${lazily}` },
    footer: { js: "})" },
  };
}

/** Files that Bun takes long for have others in their place, which do the same by its own means. */
const nativeFiles = (root) => ({
  name: "native-files",
  setup(build) {
    build.onResolve({ filter: /[/]transport[/]socket\.ts$|[/]output[/]terminal\.ts$/ }, ({ path, importer }) =>
      importer.includes("/cli/native/") ? undefined : { path: join(root, "cli/native", path.endsWith("socket.ts") ? "transport.ts" : "terminal.ts") });
  },
});

/** The same for Bun, which makes one program of it and what it imports. */
export function nativeBundle(root, tui, inputs) {
  const { define, plugins, ...options } = clientBundle(root, tui, inputs);
  return { ...options, plugins: [nativeFiles(root), ...plugins], banner: { js: lazily }, footer: {}, define: { ...define, "import.meta.url": '""' } };
}

/** Its part for SFTP: where it was built must not stand in it. */
export function nativeSftpBundle(root) {
  const { define, ...options } = sftpClientBundle(root);
  return { ...options, banner: {}, define: { ...define, "import.meta.url": '""', __dirname: '""', __filename: '""' } };
}

/** The options of dist/berth-tui.mjs: a module, since ink waits at its top level. */
export function tuiBundle(root, entry) {
  return {
    ...common,
    plugins: [lastingCaches],
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: "dist/berth-tui.mjs",
    format: "esm",
    minify: true,
    external: optional,
    alias: { typebox: stub("typebox-stub"), "react-devtools-core": stub("empty-stub") },
    define: { "process.env.NODE_ENV": '"production"' },
    banner: { js: 'import{createRequire as berthRequire}from"node:module";const require=berthRequire(import.meta.url);' },
  };
}

/** Ink works the characters of every line out anew for each frame: it keeps them from one to the next instead. */
const lastingCaches = {
  name: "lasting-caches",
  setup(build) {
    build.onLoad({ filter: /\/ink\/build\/output\.js$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replace("caches = new OutputCaches();", "caches = lastingCaches();");
      if (contents === source) throw new Error("ink's output.js is not as it was: look at lasting-caches in bundles.mjs");
      return { contents: `${contents}\nlet lasting = new OutputCaches();\nfunction lastingCaches() {\n  if (lasting.styledChars.size > 2000 || lasting.widths.size > 20000) lasting = new OutputCaches();\n  return lasting;\n}\n` };
    });
  },
};

const yogaLater = {
  name: "yoga-later",
  setup: (build) => build.onResolve({ filter: /^yoga-layout$/ }, () => ({ path: stub("yoga-later") })),
};

/** The same for the native client: no module may wait at its top level, so the view waits before it is shown. */
export function nativeTuiBundle(root, entry) {
  const { entryPoints, define, ...options } = tuiBundle(root, entry);
  const contents = `import{ready}from"yoga-layout";import{runTui as run}from${JSON.stringify(entry)};export const runTui=async(...given)=>{await ready;return run(...given)};`;
  return {
    ...options,
    stdin: { contents, resolveDir: root, sourcefile: "native-tui" },
    plugins: [lastingCaches, yogaLater],
    define: { ...define, "process.env.DEV": '"false"' },
  };
}
