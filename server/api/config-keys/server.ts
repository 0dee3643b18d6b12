// The configuration keys of the server.
import ipaddr from "ipaddr.js";
import { imageKeys } from "./images.ts";
import { streamCompression } from "./compression.ts";
import { timeSpan } from "./instance-values.ts";
import type { AbsentKeys, KeyTable } from "./key.ts";
import { listenAddress } from "./listen-address.ts";

/** Headers take a value as it is. */
const headerText = { kind: "check", name: "text", check: (value: string) => (/^[\x20-\x7e]{1,1024}$/.test(value) ? undefined : "expected printable characters of ASCII") } as const;
const proxyUrl = {
  kind: "check", name: "URL", check: (value: string) => (/^(http:\/\/)?[^\s/?#]+\/?$/.test(value) ? undefined : "expected a proxy such as http://proxy.example:3128"),
} as const;
const addresses = {
  kind: "check", name: "addresses", check: (value: string) => (split(value).every((one) => ipaddr.isValid(one)) ? undefined : "expected IP addresses, separated by commas"),
} as const;

const split = (value: string) => value.split(",").map((one) => one.trim()).filter(Boolean);

/** The addresses of a list that was checked, written as the kernel writes them. */
export function readAddresses(value: string): string[] {
  return split(value).map((one) => ipaddr.parse(one).toString());
}

export const serverKeys: KeyTable = {
  "backups.compression_algorithm": {
    type: { kind: "check", name: "compression", check: streamCompression }, default: "gzip", live: true,
    description: "How backups are compressed: none, gzip, bzip2, xz, lzma or zstd, with options such as -9",
  },
  "core.https_address": { type: listenAddress, live: true, description: "Where the API is served over the network; port 8443 when none is told. Not at all when unset" },
  "core.https_allowed_credentials": { type: { kind: "bool" }, default: "false", live: true, description: "Whether pages of the allowed origin may use what the browser knows of the user (Access-Control-Allow-Credentials)" },
  "core.https_allowed_headers": { type: headerText, live: true, description: "Access-Control-Allow-Headers for requests of web pages" },
  "core.https_allowed_methods": { type: headerText, live: true, description: "Access-Control-Allow-Methods for requests of web pages" },
  "core.https_allowed_origin": { type: headerText, live: true, description: "Access-Control-Allow-Origin: the origin whose pages may use the API, or * for all. Pages of others are refused" },
  "core.https_trusted_proxy": { type: addresses, live: true, description: "Proxies that are believed whom a connection comes from (PROXY protocol, version 1 or 2)" },
  "core.metrics_address": { type: listenAddress, live: true, description: "Where metrics, and nothing else, are served over the network; port 9100 when none is told" },
  "core.metrics_authentication": { type: { kind: "bool" }, default: "true", live: true, description: "Whether metrics are for trusted certificates only" },
  "core.proxy_http": { type: proxyUrl, live: true, description: "The proxy by which http:// addresses are fetched; as http_proxy of the daemon's environment when unset" },
  "core.proxy_https": { type: proxyUrl, live: true, description: "The proxy by which other servers and https:// addresses are reached; as https_proxy of the daemon's environment when unset" },
  "core.proxy_ignore_hosts": { type: { kind: "string" }, live: true, description: "Hosts that are reached without a proxy: names (and all that end in them), addresses, or *, separated by commas" },
  "core.remote_token_expiry": {
    type: { kind: "check", name: "span", check: timeSpan }, live: true, description: "How long a token for a new client can be used; for ever when unset",
  },
  "core.shutdown_timeout": { type: { kind: "int", min: 0 }, default: "5", live: true, description: "Minutes to wait for running operations when berthd stops" },
  "core.trust_ca_certificates": {
    type: { kind: "bool" }, default: "false", live: true, description: "Whether clients may do everything whose certificate the authority in server.ca has signed, without being in the trust store",
  },
  "core.trust_password": {
    type: { kind: "text" }, live: true, secret: true, description: "A password by which clients make themselves trusted; shown as true when it is set",
  },
  ...imageKeys,
  "user.*": { type: { kind: "text" }, live: true, description: "Anything of yours" },
};

/** LXD's keys for what Berth does not have, with the reason that is told when one is set. */
export const absentServerKeys: AbsentKeys = {
  "candid.*": "Berth knows clients by certificates and bearer tokens",
  "cluster.*": "a Berth is one server and joins no cluster",
  "core.bgp_*": "Berth announces no routes by BGP",
  "core.debug_address": "Berth serves no debugger",
  "core.dns_address": "Berth serves no DNS zones to other servers",
  "core.storage_buckets_address": "Berth serves no storage buckets",
  "maas.*": "Berth does not talk to MAAS",
  "network.ovn.*": "Berth has no OVN networks",
  "oidc.*": "Berth knows clients by certificates and bearer tokens",
  "rbac.*": "Berth knows clients by certificates and bearer tokens",
  "storage.backups_volume": "backups lie in the folder of the daemon",
  "storage.images_volume": "images lie in the folder of the daemon",
};
