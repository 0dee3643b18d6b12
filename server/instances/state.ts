// The running state of instances, read from the kernel: cgroup files and a netlink socket, no process.
import { statusCodes } from "../api/envelope.ts";
import type { InstanceNetwork, InstanceState } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { findRootDisk } from "../devices/check.ts";
import { HostInterfaces, type Link } from "../host/netlink.ts";
import { expandInstance } from "./expanded.ts";
import type { Running } from "./runtime.ts";
import { type InstanceRecord, systemNameOf } from "./store.ts";

export type InstanceStatus = "Running" | "Stopped" | "Frozen" | "Ready";

export function statusOf(ctx: Context, instance: Pick<InstanceRecord, "project" | "name">): InstanceStatus {
  const running = ctx.runtime.get(systemNameOf(instance));
  if (!running) return "Stopped";
  if (running.frozen) return "Frozen";
  return running.ready ? "Ready" : "Running";
}

const noMemory = { usage: 0, usage_peak: 0, swap_usage: 0, swap_usage_peak: 0 };

export function readState(ctx: Context, instance: InstanceRecord): InstanceState {
  const running = ctx.runtime.get(systemNameOf(instance));
  const status = statusOf(ctx, instance);
  const head = { status, status_code: statusCodes[status], disk: readDisk(ctx, instance) };
  if (!running) return { ...head, memory: noMemory, network: {}, pid: 0, processes: 0, cpu: { usage: 0 } };
  const memory = running.cgroups.memory();
  return {
    ...head,
    memory: { usage: memory.usage, usage_peak: memory.peak, swap_usage: memory.swap, swap_usage_peak: memory.swapPeak },
    network: readNetwork(running),
    pid: running.init,
    processes: running.cgroups.processes(),
    cpu: { usage: running.cgroups.cpuUsage() },
  };
}

function readDisk(ctx: Context, instance: InstanceRecord): InstanceState["disk"] {
  const usage = ctx.diskUsage.lastOf(instance.id);
  const root = usage === undefined ? undefined : findRootDisk(expandInstance(ctx, instance).devices);
  return root && usage !== undefined ? { [root.name]: { usage } } : {};
}

let hostInterfaces: HostInterfaces | undefined;

function readNetwork(running: Running): Record<string, InstanceNetwork> {
  if (!running.network) return {};
  const hostNames = (hostInterfaces ??= new HostInterfaces()).names();
  return Object.fromEntries(running.network.links().map((link) => [link.name, describe(link, link.peerOutside ? (hostNames.get(link.peer) ?? "") : "")]));
}

function describe(link: Link, hostName: string): InstanceNetwork {
  return {
    addresses: link.addresses.map(({ family, address, prefix, scope }) => ({ family, address, netmask: String(prefix), scope })),
    counters: {
      bytes_received: link.rx.bytes, bytes_sent: link.tx.bytes, packets_received: link.rx.packets, packets_sent: link.tx.packets,
      errors_received: link.rx.errors, errors_sent: link.tx.errors, packets_dropped_outbound: link.tx.dropped,
      packets_dropped_inbound: link.rx.dropped,
    },
    hwaddr: link.mac,
    host_name: link.kind === "loopback" ? "" : hostName,
    mtu: link.mtu,
    state: link.up ? "up" : "down",
    type: link.kind,
  };
}
