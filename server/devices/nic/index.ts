// Network interfaces. A guest that starts is given its by liblxc, so that it can reboot while no daemon is there; what
// belongs to the host's end is made here. Into a guest that runs they are plugged here.
import type { DeviceCall, DeviceType } from "../device.ts";
import { announceNic, withdrawNic } from "./announce.ts";
import { deviceFailure } from "./failure.ts";
import { nicClash, nicFault } from "./faults.ts";
import { kindOf, type NicKind } from "./kinds.ts";
import { macvlanNic } from "./macvlan.ts";
import { makeMac } from "./names.ts";
import { nicOptions } from "./options.ts";
import { pairNic } from "./pair.ts";
import { physicalNic } from "./physical.ts";
import { forgetPlug, notePlug } from "./plugs.ts";
import type { NicWork } from "./work.ts";

const works: Readonly<Record<NicKind, NicWork>> = { bridged: pairNic, macvlan: macvlanNic, p2p: pairNic, physical: physicalNic, routed: pairNic };

function workOf(call: DeviceCall): NicWork {
  const kind = kindOf(call.options);
  if (!kind) throw deviceFailure(call, `there is no nictype "${call.options["nictype"]}"`);
  return works[kind];
}

/** Runs a step; what fails is told as the device's failure. */
async function explained<T>(call: DeviceCall, step: () => Promise<T> | T): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw deviceFailure(call, error);
  }
}

/** What failed before anything was made: there is nothing to take back, and what bears its names is somebody else's. */
const untouched = new WeakSet<DeviceCall>();

export const nicDevice: DeviceType = {
  options: nicOptions,
  fault: nicFault,
  clash: nicClash,
  remember(call) {
    if (!call.options["hwaddr"] && kindOf(call.options) !== "physical") call.volatile["hwaddr"] ??= makeMac();
  },
  announce: (call) => void announceNic(call),
  withdraw: withdrawNic,
  prepare: (call, undo) => explained(call, async () => {
    const { started, ...parts } = await workOf(call).prepare(call, undo);
    return { ...parts, ...(started ? { started: (guest) => explained(call, () => started(guest)) } : {}) };
  }),
  attach: (call, guest) => explained(call, async () => {
    untouched.add(call);
    await workOf(call).attach(call, guest, () => {
      notePlug(call);
      untouched.delete(call);
    });
  }),
  async detach(call, guest) {
    if (!untouched.has(call)) await workOf(call).detach(call, guest);
  },
  change: (call, before, guest) => explained(call, async () => kindOf(call.options) === kindOf(before) && (await workOf(call).change(call, before, guest))),
  async release(call) {
    if (!kindOf(call.options) || untouched.has(call)) return;
    await workOf(call).release(call);
    forgetPlug(call);
  },
  adopt: (call, guest) => workOf(call).adopt(call, guest, () => notePlug(call)),
};
