// What a device type does. The life of a device: it enters an instance's configuration (`remember`, `announce`),
// is made ready on the host before each start (`prepare`), may be plugged into a running guest (`attach`), changed
// there (`change`) and taken out of it again (`detach`); when the guest has stopped what was made for it goes
// (`release`), and when it leaves the configuration so does what was announced (`withdraw`). A daemon that finds the
// guest running takes up its devices again (`adopt`).
import type { KeyTable } from "../api/config-keys/key.ts";
import type { Config, DeviceMap } from "../api/schemas.ts";
import type { IdMap } from "../host/user-namespace.ts";
import type { ContainerCgroups } from "../lxc/cgroup.ts";
import type { Line } from "../lxc/render-config.ts";
import type { Paths } from "../paths.ts";
import type { Undo } from "../undo.ts";
import type { Proxies } from "./proxy/proxies.ts";

/** What an instance's devices refer to, so that it can be checked. */
export interface DeviceWorld {
  hasNetwork(name: string): boolean;
  hasPool(name: string): boolean;
  /** To check addresses against; undefined when there is no such network. */
  networkConfig?(name: string): Config | undefined;
}

/** What a nic tells its network, so that the instance gets its name and addresses there. */
export interface NetworkHost {
  mac: string;
  ipv4: string | undefined;
  ipv6: string | undefined;
  /** In DNS. */
  name: string;
}

/** What devices use of the daemon. */
export interface DeviceHost {
  readonly paths: Paths;
  readonly networks: {
    find(name: string): { config: Config } | undefined;
    setHost(network: string, id: string, host: NetworkHost): void;
    removeHost(network: string, id: string): Promise<void>;
    /** Who has which address. */
    leases(network: string): readonly { hwaddr: string; address: string; type: string }[];
  };
  readonly proxies: Proxies;
}

/** One device of one instance. */
export interface DeviceCall {
  readonly host: DeviceHost;
  /** The device's name. */
  readonly name: string;
  /** Its options, as they were checked; `type` among them. */
  readonly options: Config;
  /** What Berth remembers of it, by the part of `volatile.NAME.KEY` after the device's name. What is changed here is kept. */
  readonly volatile: Config;
  readonly instance: {
    /** On disk, for liblxc. */
    readonly systemName: string;
    /** In DNS. */
    readonly hostname: string;
    /** What holds for it: profiles and its own. */
    readonly config: Config;
    /** Beneath which folders of the host's the sources of its disks have to lie; undefined: they may lie anywhere. */
    readonly sourceFolders?: readonly string[] | undefined;
    /** Its root file system on the host. */
    readonly rootfs: string;
    /** Runs `work` when it is the instance's turn, if its guest runs then and has the device, as it is by then; for what happens on the host later. */
    readonly later: (device: string, work: (call: DeviceCall, guest: Guest) => Promise<void>) => void;
  };
  readonly map: IdMap;
  /** All devices of the instance, this one among them, sorted by path or name. */
  readonly all: readonly DeviceCall[];
}

/** What is known of a device before there is an instance that has it. */
export type DeviceReference = Pick<DeviceCall, "name" | "options"> & { readonly instance: Pick<DeviceCall["instance"], "sourceFolders"> };

/** A guest that runs. */
export interface Guest {
  readonly init: number;
  readonly monitor: number;
  readonly cgroups: ContainerCgroups;
}

/** What a device adds to a container that is about to start. */
export interface DeviceParts {
  /** Lines for lxc.conf. */
  lines?: readonly Line[];
  /** A network interface: keys after `lxc.net.N.` */
  nic?: readonly Line[];
  /** Called once the guest's init runs. What it throws ends the guest again. */
  started?: (guest: Guest) => Promise<void> | void;
}

export interface DeviceType {
  /** Its options besides `type`; `live` ones can be changed while the guest runs. */
  readonly options: KeyTable;
  /** What is wrong with it, beyond what the options' types say. Pure. */
  fault?(options: Config, world: DeviceWorld): string | undefined;
  /** What is wrong with it beside the other devices of the instance or profile. Pure. */
  clash?(name: string, options: Config, devices: DeviceMap): string | undefined;
  /** Throws when what it refers to on the host is not there, though it has to be: asked when it enters a configuration, or is changed there. */
  find?(call: DeviceReference): void;
  /** Chooses what stays the same between starts, such as a MAC address (into `volatile`). */
  remember?(call: DeviceCall): void;
  announce?(call: DeviceCall): void;
  withdraw?(call: DeviceCall): Promise<void>;
  /** Throws what keeps it from working; the start fails then, and what other devices pushed to `undo` is taken back. */
  prepare?(call: DeviceCall, undo: Undo): Promise<DeviceParts> | DeviceParts;
  /** Plugs it in. Absent: it is there from the next start. */
  attach?(call: DeviceCall, guest: Guest, undo: Undo): Promise<void>;
  /** Takes it out. Absent: it goes with the guest. */
  detach?(call: DeviceCall, guest: Guest): Promise<void>;
  /** Changes it in place, from `before`. False when it must be taken out and plugged in anew. */
  change?(call: DeviceCall, before: Config, guest: Guest): Promise<boolean> | boolean;
  /** Sees to what devices of this type have in common: called when a guest has started, and after changes, with all it has. */
  settled?(calls: readonly DeviceCall[], guest: Guest): Promise<void> | void;
  /** Frees what `prepare` and `attach` made, once the guest has stopped. Idempotent, and never throws for what is not there. */
  release?(call: DeviceCall): Promise<void> | void;
  adopt?(call: DeviceCall, guest: Guest): Promise<void> | void;
}
