// What images with cloud-init have templates for: its seed, from the configuration keys of the instance.
// `cloud-init.*` comes first, then the older `user.*`.

const seed = "/var/lib/cloud/seed/nocloud-net";
const when = ["create", "copy", "rename"];

/** The value of the new key or of the old one, or what the image has instead. */
const either = (name, otherwise) =>
  `{% set new = config_get("cloud-init.${name}", "") %}{% set old = config_get("user.${name}", "") -%}` +
  `{% if new != "" %}{{ new }}{% elif old != "" %}{{ old }}{% else %}${otherwise}{% endif %}\n`;

const nothing = "#cloud-config\n{}";

const dhcp = `version: 1
config:
  - type: physical
    name: eth0
    subnets:
      - type: dhcp
        control: auto`;

const meta = `instance-id: {{ config_get("volatile.cloud-init.instance-id", instance.name) }}
local-hostname: {{ instance.name }}
{{ config_get("user.meta-data", "") }}
`;

export const cloudTemplates = {
  [`${seed}/meta-data`]: { file: "cloud-init-meta.tpl", when, text: meta },
  [`${seed}/user-data`]: { file: "cloud-init-user.tpl", when, text: either("user-data", nothing) },
  [`${seed}/vendor-data`]: { file: "cloud-init-vendor.tpl", when, text: either("vendor-data", nothing) },
  [`${seed}/network-config`]: { file: "cloud-init-network.tpl", when, text: either("network-config", dhcp) },
};
